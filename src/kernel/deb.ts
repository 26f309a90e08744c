// Takes a kernel and a few modules out of a Debian package without unpacking
// it: dpkg-deb streams the package's files as a tar archive, and what is not
// wanted is read past.

import { availableParallelism } from 'node:os';
import { execa } from 'execa';
import * as tar from 'tar';
import { KspliceError } from '../base/errors.js';
import { inParallel } from '../base/parallel.js';
import type { Ui } from '../base/ui.js';
import { badImage } from '../elf/bad-image.js';
import { decompressModule } from './decompress.js';
import type { ModuleFile, ModuleFiles } from './image-kernel.js';
import { moduleNameOf } from './module-files.js';

export interface PackageContents {
  readonly vmlinuz: Buffer;
  readonly modules: PackageModules;
}

const VMLINUZ = /^\.?\/?boot\/vmlinuz-[^/]+$/;
const MODULE = /^\.?\/?(usr\/)?lib\/modules\/[^/]+\/.*\.ko(\.[a-z0-9]+)?$/;
/** More than any kernel or module file; a hostile package must not fill the memory. */
const MAX_FILE = 256 << 20;

/**
 * @param wanted modules to keep, by the names that lsmod shows
 * @throws KspliceError `bad-archive` if it is no Debian package or damaged,
 *   `bad-image` if it holds no kernel, `missing-tool`
 */
export async function readPackage(
  path: string,
  wanted: readonly string[],
  ui: Ui,
): Promise<PackageContents> {
  let vmlinuz: Buffer | undefined;
  const present = new Set<string>();
  const kept = new Map<string, ModuleFile>();
  const parser = new tar.Parser({
    strict: true,
    onReadEntry: (entry) => {
      const name = MODULE.test(entry.path) ? moduleNameOf(entry.path) : undefined;
      if (name !== undefined) present.add(name);
      const isKernel = VMLINUZ.test(entry.path);
      const keep =
        entry.type === 'File' && (isKernel || (name !== undefined && wanted.includes(name)));
      if (!keep || entry.size > MAX_FILE) {
        entry.resume();
        return;
      }
      const chunks: Buffer[] = [];
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () => {
        if (isKernel) vmlinuz = Buffer.concat(chunks);
        else kept.set(name!, { path: `${path}: ${entry.path}`, data: Buffer.concat(chunks) });
      });
    },
  });
  ui.detail(`reading ${path}`);
  await streamPackage(path, parser, ui.signal);
  if (!vmlinuz) throw badImage(path, 'this package holds no boot/vmlinuz-RELEASE');
  const modules = new PackageModules(path, present, await decompressed(kept, ui.signal), ui);
  return { vmlinuz, modules };
}

async function streamPackage(path: string, parser: tar.Parser, signal: AbortSignal): Promise<void> {
  const child = execa('dpkg-deb', ['--fsys-tarfile', path], {
    buffer: { stdout: false },
    encoding: 'buffer',
    reject: false,
    cancelSignal: signal,
  });
  let damage: unknown;
  const parsed = new Promise<void>((resolve) => {
    parser.on('end', resolve);
    parser.on('error', (error) => {
      damage = error;
      child.kill();
      resolve();
    });
  });
  child.stdout.on('data', (chunk: Buffer) => {
    if (!damage && !parser.write(chunk)) {
      child.stdout.pause();
      parser.once('drain', () => child.stdout.resume());
    }
  });
  const done = await child;
  if (!damage) parser.end();
  await parsed;
  if (done.isCanceled) throw new KspliceError('interrupted', 'interrupted');
  if (done.code === 'ENOENT') {
    throw new KspliceError(
      'missing-tool',
      'reading a .deb needs dpkg-deb, which is not installed',
      {
        advice: 'Unpack the package elsewhere and name the directory instead.',
      },
    );
  }
  if (damage || done.failed) {
    const said = Buffer.from(done.stderr ?? [])
      .toString()
      .trim();
    throw new KspliceError(
      'bad-archive',
      `${path}: not a usable Debian package${said && ` (${said})`}`,
      {
        advice:
          'Fetch the linux-image package again (apt-get download), or name its unpacked directory.',
        cause: damage,
      },
    );
  }
}

async function decompressed(
  files: ReadonlyMap<string, ModuleFile>,
  signal: AbortSignal,
): Promise<Map<string, ModuleFile>> {
  const done = await inParallel([...files], availableParallelism(), async ([name, file]) => {
    const data = await decompressModule(file.data, file.path, signal);
    return [name, { path: file.path, data }] as const;
  });
  return new Map(done);
}

/** The modules of a package: all are known, those that were asked for are there. */
class PackageModules implements ModuleFiles {
  constructor(
    private readonly path: string,
    private readonly present: ReadonlySet<string>,
    private readonly kept: Map<string, ModuleFile>,
    private readonly ui: Ui,
  ) {}

  has(name: string): boolean {
    return this.present.has(name);
  }

  read(name: string): ModuleFile | undefined {
    const file = this.kept.get(name);
    if (file || !this.present.has(name)) return file;
    throw new KspliceError('internal', `module ${name} of ${this.path} was not prepared`);
  }

  async prepare(names: readonly string[]): Promise<void> {
    const missing = names.filter((name) => this.present.has(name) && !this.kept.has(name));
    if (missing.length === 0) return;
    const again = await readPackage(this.path, missing, this.ui);
    for (const [name, file] of again.modules.kept) this.kept.set(name, file);
  }
}
