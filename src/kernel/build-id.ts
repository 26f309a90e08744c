// The linker's checksum of a kernel: the same release may be built twice, and an
// update for one build does not fit the other. It stands in an ELF note.

import type { RunningKernel } from './running.js';

/** NT_GNU_BUILD_ID (elf.h) */
const NT_GNU_BUILD_ID = 3;
/** A note's header: lengths of name and contents, and the type, each a 32-bit word. */
const HEADER = 12;

/**
 * Finds the build id among ELF notes.
 * @param notes a `.notes` section, or /sys/kernel/notes
 * @returns in hexadecimal; undefined if there is none, or the notes are damaged
 */
export function buildIdInNotes(notes: Uint8Array): string | undefined {
  const bytes = Buffer.from(notes.buffer, notes.byteOffset, notes.byteLength);
  const padded = (length: number) => Math.ceil(length / 4) * 4;
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const name = at + HEADER;
    const contents = name + padded(bytes.readUInt32LE(at));
    const end = contents + bytes.readUInt32LE(at + 4);
    if (end > bytes.length) return undefined;
    const isGnu = bytes.toString('latin1', name, name + 4) === 'GNU\0';
    if (isGnu && bytes.readUInt32LE(at + 8) === NT_GNU_BUILD_ID && end > contents) {
      return bytes.toString('hex', contents, end);
    }
    at = contents + padded(end - contents);
  }
  return undefined;
}

/** The build id of a kernel that can be read; undefined if its notes cannot be (a capture has none). */
export function buildIdOf(kernel: RunningKernel): string | undefined {
  const [start] = kernel.lookup('__start_notes', 'vmlinux');
  const [stop] = kernel.lookup('__stop_notes', 'vmlinux');
  if (start === undefined || stop === undefined || stop <= start) return undefined;
  const notes = kernel.read(start, Number(stop - start));
  return notes && buildIdInNotes(notes);
}
