// The kernel proper, as the linker laid it out: a bzImage's payload is an ELF
// executable whose segments are the memory of a kernel that was not moved by
// KASLR and has not patched itself yet. It is stripped, but carries its own
// symbols for kallsyms.

import { readFile } from 'node:fs/promises';
import { machine } from '../arch/index.js';
import { relocations } from '../arch/relocations.js';
import { KspliceError } from '../base/errors.js';
import { badImage, readingImage } from '../elf/bad-image.js';
import { Bytes } from '../elf/bytes.js';
import { decompressPayload } from './decompress.js';
import { findKallsyms } from './image-kallsyms.js';
import { Memory } from './memory.js';
import { type KernelSymbol, SymbolIndex } from './symbols.js';

/** A loadable segment of vmlinux. */
export interface Segment {
  readonly address: bigint;
  /** In memory; what is beyond the file's data is zero at boot. */
  readonly size: number;
  readonly executable: boolean;
  readonly data: Buffer;
  /** Where data starts in the file. */
  readonly offset: number;
}

/** vmlinux out of an image, with its symbols. */
export interface Vmlinux {
  readonly release: string;
  /** As `uname -v` says; it names the distribution's package version. */
  readonly version: string;
  readonly segments: readonly Segment[];
  readonly memory: Memory;
  /** kallsyms of the kernel proper, sorted by address. */
  readonly symbols: readonly KernelSymbol[];
  readonly index: SymbolIndex;
  /** Exported symbols: what modules are linked to. */
  readonly exports: ReadonlyMap<string, bigint>;
}

/**
 * Opens a vmlinuz.
 * @throws KspliceError `bad-image` if it is damaged or not understood,
 *   `missing-tool`, `io`
 */
export async function openVmlinuz(path: string, signal: AbortSignal): Promise<Vmlinux> {
  let file: Buffer;
  try {
    file = await readFile(path);
  } catch (cause) {
    throw new KspliceError('io', `cannot read ${path}`, { cause });
  }
  return readVmlinuz(file, path, signal);
}

/** The same for contents that are in memory already. */
export async function readVmlinuz(
  file: Buffer,
  origin: string,
  signal: AbortSignal,
): Promise<Vmlinux> {
  const image = machine.image.read(file, origin);
  const elf = await decompressPayload(image.payload, image.size, origin, signal);
  const segments = readSegments(elf, origin);
  const memory = new Memory();
  memory.add(
    segments
      // Segments below are the per-cpu template.
      .filter((segment) => segment.address >= machine.memory.kernel)
      .map(({ address, data }) => ({ address, size: data.length, bytes: () => data })),
  );
  const symbols = findKallsyms(elf, segments, origin);
  const index = new SymbolIndex(symbols);
  const exports = readExports(memory, index, origin);
  const { release, version } = image;
  return { release, version, segments, memory, symbols, index, exports };
}

const PT_LOAD = 1;
const PF_X = 1;

/** The program headers of an ELF executable. */
function readSegments(elf: Buffer, origin: string): Segment[] {
  return readingImage(origin, () => {
    const bytes = new Bytes(elf, origin);
    if (bytes.length < 64 || bytes.u32(0) !== 0x464c457f || bytes.u16(18) !== relocations.machine) {
      throw badImage(origin, `the payload is not an ${machine.label} kernel`);
    }
    const table = bytes.u64(32);
    const entrySize = bytes.u16(54);
    const segments: Segment[] = [];
    for (let index = 0; index < bytes.u16(56); index++) {
      const at = table + index * entrySize;
      if (bytes.u32(at) !== PT_LOAD) continue;
      const offset = bytes.u64(at + 8);
      segments.push({
        address: bytes.big(at + 16),
        size: bytes.u64(at + 40),
        executable: (bytes.u32(at + 4) & PF_X) !== 0,
        data: bytes.slice(offset, bytes.u64(at + 32)),
        offset,
      });
    }
    if (!segments.some((segment) => segment.executable)) {
      throw badImage(origin, 'the kernel has no code segment');
    }
    return segments;
  });
}

/** struct kernel_symbol with relative references: value, name, namespace. */
const EXPORT_SIZE = 12;

/** Kernels that keep apart in flags who may use an export have one table. */
function exportTables(index: SymbolIndex): string[] {
  const flags = index.lookup('__start___kflagstab').length > 0;
  return flags ? ['__ksymtab'] : ['__ksymtab', '__ksymtab_gpl'];
}

function readExports(memory: Memory, index: SymbolIndex, origin: string): Map<string, bigint> {
  const exports = new Map<string, bigint>();
  for (const table of exportTables(index)) {
    const [start] = index.lookup(`__start_${table}`);
    const [stop] = index.lookup(`__stop_${table}`);
    const size = start !== undefined && stop !== undefined ? Number(stop - start) : -1;
    const rows = size >= 0 ? memory.read(start!, size) : undefined;
    if (!rows || size % EXPORT_SIZE !== 0) {
      throw badImage(origin, `the table of exported symbols ${table} is not where it should be`);
    }
    const view = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
    for (let at = 0; at < size; at += EXPORT_SIZE) {
      const here = start! + BigInt(at);
      const value = here + BigInt(view.readInt32LE(at));
      const name = readString(memory, here + 4n + BigInt(view.readInt32LE(at + 4)));
      if (name === undefined) throw badImage(origin, `an entry of ${table} has no name`);
      exports.set(name, value);
    }
  }
  return exports;
}

const MAX_NAME = 512;

function readString(memory: Memory, address: bigint): string | undefined {
  for (let length = MAX_NAME; length > 0; length >>= 1) {
    const bytes = memory.read(address, length);
    const end = bytes?.indexOf(0) ?? -1;
    if (bytes && end >= 0) return Buffer.from(bytes.subarray(0, end)).toString('latin1');
  }
  return undefined;
}
