// Takes a kernel and a few modules out of a Debian package without unpacking
// it: dpkg-deb streams the package's files as a tar archive, and what is not
// wanted is read past. Newer kernels come in two packages, the kernel in linux-binary-RELEASE
// and its modules in linux-modules-RELEASE: the one is named, the other lies beside it.

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import * as tar from 'tar';
import { KspliceError } from '../base/errors.js';
import { inParallel } from '../base/parallel.js';
import type { Ui } from '../base/ui.js';
import { badImage } from '../elf/bad-image.js';
import { decompressModule } from './decompress.js';
import type { ModuleFile, ModuleFiles } from './image-kernel.js';
import { howToFetch, isMetaPackage, releaseInName } from './image-packages.js';
import { moduleNameOf } from './module-files.js';

export interface PackageContents {
  readonly vmlinuz: Buffer;
  readonly modules: PackageModules;
}

const VMLINUZ = /^\.?\/?boot\/vmlinuz-([^/]+)$/;
/** In a package without modules. */
const BARE_VMLINUZ = /^\.?\/?(?:usr\/)?lib\/modules\/([^/]+)\/vmlinuz(?:\.unsigned)?$/;
const MODULE = /^\.?\/?(usr\/)?lib\/modules\/[^/]+\/.*\.ko(\.[a-z0-9]+)?$/;
/** More than any kernel or module file; a hostile package must not fill the memory. */
const MAX_FILE = 256 << 20;

/**
 * @param wanted modules to keep, by the names that lsmod shows
 * @throws KspliceError `bad-archive` if it is no Debian package or damaged, `bad-image` or `no-image`
 *   if it holds no kernel, `no-image` if its modules are in a package that is not there, `missing-tool`
 */
export async function readPackage(
  path: string,
  wanted: readonly string[],
  ui: Ui,
): Promise<PackageContents> {
  const { kernel, modules } = await readFiles(path, wanted, ui);
  if (!kernel) throw withoutKernel(path);
  if (kernel.hasModules || !modules.isEmpty) return { vmlinuz: kernel.data, modules };
  const beside = modulesPackage(path, kernel.release);
  const others = await readFiles(beside, wanted, ui);
  return { vmlinuz: kernel.data, modules: others.modules };
}

function withoutKernel(path: string): KspliceError {
  const file = basename(path);
  const release = releaseInName(file);
  if (release !== undefined) {
    const advice = howToFetch(release);
    return new KspliceError('no-image', `${path}: this package holds no kernel`, { advice });
  }
  if (isMetaPackage(file)) {
    return new KspliceError('no-image', `${path}: this package only names others`, {
      advice: `The package of a kernel has its release in its name. Look which one it is: apt-cache depends ${file.split('_')[0]}`,
    });
  }
  return badImage(path, 'this package holds no kernel (boot/vmlinuz-RELEASE)');
}

/** The package with the modules, of the same version, in the same directory. */
function modulesPackage(path: string, release: string): string {
  const name = `linux-modules-${release}`;
  const rest = basename(path).replace(/^[^_]*/, '');
  const beside = join(dirname(path), name + rest);
  if (existsSync(beside)) return beside;
  throw new KspliceError('no-image', `${path} has the kernel ${release} without its modules`, {
    advice: `They are in another package: put ${name + rest} beside it (apt-get download ${name}).`,
  });
}

interface Files {
  readonly kernel: PackagedKernel | undefined;
  readonly modules: PackageModules;
}

interface PackagedKernel {
  readonly release: string;
  /** Whether such a package has the modules, too. */
  readonly hasModules: boolean;
  readonly data: Buffer;
}

async function readFiles(path: string, wanted: readonly string[], ui: Ui): Promise<Files> {
  let kernel: PackagedKernel | undefined;
  const present = new Set<string>();
  const kept = new Map<string, ModuleFile>();
  const parser = new tar.Parser({
    strict: true,
    onReadEntry: (entry) => {
      const name = MODULE.test(entry.path) ? moduleNameOf(entry.path) : undefined;
      if (name !== undefined) present.add(name);
      const full = VMLINUZ.exec(entry.path)?.[1];
      const release = full ?? BARE_VMLINUZ.exec(entry.path)?.[1];
      const needed = release !== undefined || (name !== undefined && wanted.includes(name));
      if (entry.type !== 'File' || !needed || entry.size > MAX_FILE) {
        entry.resume();
        return;
      }
      const chunks: Buffer[] = [];
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () => {
        const data = Buffer.concat(chunks);
        if (release !== undefined) kernel = { release, hasModules: full !== undefined, data };
        else kept.set(name!, { path: `${path}: ${entry.path}`, data });
      });
    },
  });
  ui.detail(`reading ${path}`);
  await streamPackage(path, parser, ui.signal);
  return {
    kernel,
    modules: new PackageModules(path, present, await decompressed(kept, ui.signal), ui),
  };
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
        advice: 'Fetch the package again (apt-get download), or name its unpacked directory.',
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

  get isEmpty(): boolean {
    return this.present.size === 0;
  }

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
    const again = await readFiles(this.path, missing, this.ui);
    for (const [name, file] of again.modules.kept) this.kept.set(name, file);
  }
}
