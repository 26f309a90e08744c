// The modules of one update on their way into the kernel: written to a private
// directory, loaded one after the other, and all unloaded again if the update
// cannot be applied.

import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { dir } from 'tmp-promise';
import { KspliceError } from '../base/errors.js';
import type { Host } from '../host/host.js';
import type { ModuleLoader } from '../host/host-lock.js';
import { KernelLog } from '../host/kernel-log.js';
import { LOAD_PREFIX, privateDirectory } from '../host/private-directory.js';
import type { ListedModule } from '../update/contents.js';
import type { Update, UpdateModule } from '../update/update.js';
import { loadable } from './binding.js';
import { loadAdvice } from './load-advice.js';

export class Loading {
  /** In the order in which they were loaded, or at least tried. */
  private readonly modules: string[] = [];

  private constructor(
    private readonly update: Update,
    private readonly host: Host,
    readonly loader: ModuleLoader,
    private readonly directory: string,
    private readonly log: KernelLog,
  ) {}

  /** Runs `work` with a directory for the modules, which goes afterwards. */
  static async run<T>(
    update: Update,
    host: Host,
    modules: ModuleLoader,
    work: (loading: Loading) => Promise<T>,
  ): Promise<T> {
    const run = await privateDirectory(host.paths.run);
    const place = await dir({ tmpdir: run, prefix: LOAD_PREFIX, mode: 0o700, unsafeCleanup: true });
    const log = new KernelLog();
    try {
      return await work(new Loading(update, host, modules, place.path, log));
    } finally {
      log.close();
      await place.cleanup();
    }
  }

  /**
   * Loads one module of the update.
   * @throws KspliceError `load-failed` with what the kernel logged; what `loadable` throws
   */
  async load({ module, file }: ListedModule): Promise<void> {
    const data = await loadable(this.update.modules.get(module) as UpdateModule, this.host);
    const place = path.join(this.directory, file);
    try {
      await writeFile(place, data, { flag: 'wx', mode: 0o600 });
    } catch (error) {
      const { message } = error as Error;
      throw new KspliceError('io', `cannot write ${place}: ${message}`, { cause: error });
    }
    this.log.since();
    // Noted before it is tried: an insmod that fails may still have loaded it.
    this.modules.push(module);
    try {
      await this.loader.load(place);
    } catch (error) {
      throw this.loadError(module, error);
    } finally {
      await rm(place, { force: true });
    }
  }

  /**
   * Unloads what was loaded, the last first.
   * @returns why a module is still there, for each that is
   */
  async unloadAll(): Promise<string[]> {
    const left: string[] = [];
    for (const module of this.modules.splice(0).reverse()) {
      await this.loader.unload(module).catch((error: Error) => left.push(error.message));
    }
    return left;
  }

  private loadError(module: string, error: unknown): KspliceError {
    const log = this.log.since();
    const said = error instanceof Error ? error.message : String(error);
    const code = error instanceof KspliceError ? error.code : 'load-failed';
    return new KspliceError(code, `module ${module} cannot be loaded: ${said}`, {
      advice: loadAdvice(said, log),
      details: { module, log },
      cause: error,
    });
  }
}
