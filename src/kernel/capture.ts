// Saves what matching needs of the running kernel: code, read-only data and
// symbols of the kernel proper and of every loaded module. Writable data stays
// behind: no key, password or packet leaves the host.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { machine } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeDirectories } from '../base/directories.js';
import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import {
  CAPTURE_FORMAT,
  type CapturedRegion,
  type CaptureManifest,
  KALLSYMS,
  MANIFEST,
  MEMORY,
  sha256,
} from './capture-format.js';
import { type LiveKernel, openLiveKernel } from './live.js';

interface Range {
  readonly what: string;
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * Captures the running kernel into a directory, which must be new or empty.
 * All files are readable by their owner only, and gone again after a failure.
 * @throws KspliceError `io`, and what openLiveKernel throws
 */
export async function captureKernel(directory: string, ui: Ui): Promise<CaptureManifest> {
  ui.stage('reading the running kernel');
  const kernel = await openLiveKernel(ui);
  const ranges = [...kernelRanges(kernel), ...moduleRanges(kernel, ui)];
  const { regions, memory } = readRanges(kernel, ranges, ui);
  const files = {
    [KALLSYMS]: gzipSync(Buffer.from(kernel.kallsymsText, 'latin1'), { level: 4 }),
    [MEMORY]: gzipSync(memory, { level: 4 }),
  };
  const manifest: CaptureManifest = {
    format: CAPTURE_FORMAT,
    release: kernel.release,
    version: kernel.version,
    machine: machine(),
    timestamp: new Date().toISOString(),
    modules: [...kernel.modules].sort(),
    regions,
    sha256: { [KALLSYMS]: sha256(files[KALLSYMS]), [MEMORY]: sha256(files[MEMORY]) },
  };
  ui.stage(`writing ${directory}`);
  writeCapture(directory, { ...files, [MANIFEST]: `${JSON.stringify(manifest, null, 1)}\n` });
  return manifest;
}

/** Code, then read-only data; init code is between others and long freed. */
function kernelRanges(kernel: LiveKernel): Range[] {
  const address = (name: string): bigint => {
    const [value] = kernel.lookup(name, 'vmlinux');
    if (value !== undefined) return value;
    throw new KspliceError('unreadable-kernel', `/proc/kallsyms does not know ${name}`, {
      advice: 'The kernel was built without CONFIG_KALLSYMS_ALL; check against its image package.',
    });
  };
  return [
    { what: 'vmlinux .text', start: address('_stext'), end: address('_etext') },
    { what: 'vmlinux .rodata', start: address('__start_rodata'), end: address('__end_rodata') },
  ];
}

interface LoadedSection {
  readonly module: string;
  readonly name: string;
  readonly start: bigint;
  /** Where the memory that it was loaded into ends at the latest. */
  readonly limit: bigint;
}

/** Sections that code is in, or data that is never written after the module's start. */
const READ_ONLY =
  /\.text|^\.rodata|^\.data\.rel\.ro|ro_after_init|^\.altinstr_(aux|replacement)|strings$/;

/**
 * Freed when the module has started, though sysfs goes on showing where they
 * were; by now another module may be there. The loader copies what it needs of
 * the symbol table (layout_symtab() in kernel/module/kallsyms.c).
 */
const FREED = /^\.(init|symtab|strtab)/;

/** sysfs says where sections start; each ends where the next one does, or the module. */
function moduleRanges(kernel: LiveKernel, ui: Ui): Range[] {
  const sections: LoadedSection[] = [];
  for (const { name, base, size } of loadedModules()) {
    const found = loadedSections(name, base, size);
    if (found.length === 0 && kernel.modules.has(name)) {
      ui.warn(`module ${name}: its sections are not shown in sysfs; it is left out`);
    }
    sections.push(...found);
  }
  // From the highest down: each ends where the one before it in the loop starts.
  sections.sort((a, b) => (a.start > b.start ? -1 : a.start < b.start ? 1 : 0));
  const ranges: Range[] = [];
  let previous: LoadedSection | undefined;
  let following: bigint | undefined;
  for (const section of sections) {
    const { module, name, start, limit } = section;
    // Empty sections share their start with the next.
    if (previous && previous.start > start) following = previous.start;
    const end = following === undefined || following > limit ? limit : following;
    if (READ_ONLY.test(name) && start < end) ranges.push({ what: `${module} ${name}`, start, end });
    previous = section;
  }
  return ranges;
}

function loadedModules(): { name: string; base: bigint; size: bigint }[] {
  return readFileSync('/proc/modules', 'latin1')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', size = '0', , , , base = '0x0'] = line.split(' ');
      return { name, base: BigInt(base), size: BigInt(size) };
    });
}

function loadedSections(module: string, base: bigint, size: bigint): LoadedSection[] {
  const directory = `/sys/module/${module}/sections`;
  const sections: LoadedSection[] = [];
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  for (const name of names) {
    if (FREED.test(name)) continue;
    const start = BigInt(readFileSync(join(directory, name), 'latin1').trim());
    // Up to 6.3 a module is one block at its base. Since then code, read-only
    // and writable data are apart, and no block is larger than all together.
    const block = start >= base && start < base + size ? base : start;
    sections.push({ module, name, start, limit: block + size });
  }
  return sections;
}

const CHUNK = 1 << 20;

function readRanges(
  kernel: LiveKernel,
  ranges: readonly Range[],
  ui: Ui,
): { regions: CapturedRegion[]; memory: Buffer } {
  const regions: CapturedRegion[] = [];
  const chunks: Uint8Array[] = [];
  const total = ranges.reduce((sum, { start, end }) => sum + Number(end - start), 0);
  let done = 0;
  const sorted = [...ranges].sort((a, b) => (a.start < b.start ? -1 : 1));
  for (const { what, start, end } of sorted) {
    if (ui.signal.aborted) throw new KspliceError('interrupted', 'interrupted');
    const size = Number(end - start);
    for (let at = 0; at < size; at += CHUNK) {
      const bytes = kernel.read(start + BigInt(at), Math.min(CHUNK, size - at));
      if (!bytes) throw new KspliceError('unreadable-kernel', `cannot read ${what} of the kernel`);
      chunks.push(bytes);
      done += bytes.length;
      ui.progress(done, total, what);
    }
    regions.push({ what, address: `0x${start.toString(16)}`, size });
  }
  return { regions, memory: Buffer.concat(chunks) };
}

function writeCapture(directory: string, files: Record<string, string | Uint8Array>): void {
  let made = false;
  const written: string[] = [];
  try {
    made = makeDirectories(directory, 0o700) !== undefined;
    if (readdirSync(directory).length > 0) {
      throw new KspliceError('io', `${directory} is not empty`, {
        advice: 'Name a directory that does not exist yet.',
      });
    }
    for (const [name, contents] of Object.entries(files)) {
      const path = join(directory, name);
      // wx: never follow or replace what someone else puts there meanwhile.
      writeFileSync(path, contents, { mode: 0o600, flag: 'wx' });
      written.push(path);
    }
  } catch (cause) {
    for (const path of written) rmSync(path, { force: true });
    if (made) rmSync(directory, { recursive: true, force: true });
    if (cause instanceof KspliceError) throw cause;
    throw new KspliceError('io', `cannot write the capture to ${directory}`, { cause });
  }
}
