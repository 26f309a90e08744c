// The kernel's memory through /proc/kcore: an ELF core file whose segments
// are the kernel's address ranges. Only the headers are read whole; a read of
// memory is one pread.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { KspliceError } from '../base/errors.js';
import { Bytes } from '../elf/bytes.js';

interface KcoreSegment {
  readonly address: bigint;
  readonly size: bigint;
  /** In the file. */
  readonly offset: bigint;
}

const PT_LOAD = 1;
const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;

export class Kcore {
  private constructor(
    private readonly fd: number,
    private readonly segments: readonly KcoreSegment[],
    private readonly path: string,
  ) {}

  /**
   * @throws KspliceError `not-root`, `unreadable-kernel` with the reason
   *   (locked down, not configured, not understood)
   */
  static open(path = '/proc/kcore'): Kcore {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (cause) {
      throw whyNotReadable(path, cause as NodeJS.ErrnoException);
    }
    try {
      return new Kcore(fd, readSegments(fd, path), path);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** `length` bytes at an address, or undefined where the kernel shows none. */
  read(address: bigint, length: number): Uint8Array | undefined {
    const end = address + BigInt(length);
    const segment = this.segments.find(
      (place) => address >= place.address && end <= place.address + place.size,
    );
    if (!segment) return undefined;
    const bytes = Buffer.alloc(length);
    const start = segment.offset + (address - segment.address);
    for (let done = 0; done < length; ) {
      let count: number;
      try {
        count = readSync(this.fd, bytes, done, length - done, start + BigInt(done));
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        if (code === 'EFAULT' || code === 'EIO') return undefined;
        throw whyNotReadable(this.path, cause as NodeJS.ErrnoException);
      }
      if (count === 0) return undefined;
      done += count;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.fd);
  }
}

function readSegments(fd: number, path: string): KcoreSegment[] {
  try {
    const header = readAt(fd, path, 0, ELF_HEADER);
    if (header.u32(0) !== 0x464c457f) throw notUnderstood(path);
    const count = header.u16(56);
    if (header.u16(54) !== PROGRAM_HEADER) throw notUnderstood(path);
    const table = readAt(fd, path, header.u64(32), count * PROGRAM_HEADER);
    const segments: KcoreSegment[] = [];
    for (let at = 0; at < table.length; at += PROGRAM_HEADER) {
      if (table.u32(at) !== PT_LOAD) continue;
      segments.push({
        address: table.big(at + 16),
        size: table.big(at + 40),
        offset: table.big(at + 8),
      });
    }
    return segments;
  } catch (error) {
    if (error instanceof KspliceError && error.code === 'bad-elf') throw notUnderstood(path, error);
    throw error;
  }
}

function readAt(fd: number, path: string, position: number, length: number): Bytes {
  const buffer = Buffer.alloc(length);
  const count = readSync(fd, buffer, 0, length, position);
  return new Bytes(buffer.subarray(0, count), path);
}

function notUnderstood(path: string, cause?: unknown): KspliceError {
  return new KspliceError('unreadable-kernel', `${path} is not the core file that was expected`, {
    ...(cause === undefined ? {} : { cause }),
  });
}

function whyNotReadable(path: string, cause: NodeJS.ErrnoException): KspliceError {
  const cannot = `cannot read the kernel's memory (${path})`;
  if (cause.code === 'ENOENT') {
    return new KspliceError('unreadable-kernel', `${cannot}: this kernel does not have it`, {
      advice: 'It was built without CONFIG_PROC_KCORE. Check against its files with --image PATH.',
      cause,
    });
  }
  const locked = lockdown();
  if (locked !== undefined) {
    return new KspliceError(
      'unreadable-kernel',
      `${cannot}: the kernel is locked down (${locked})`,
      {
        advice:
          'Lockdown (often on with Secure Boot) hides kernel memory from root as well. Check against the image package with --image PATH.',
        cause,
      },
    );
  }
  if (cause.code === 'EACCES' || cause.code === 'EPERM') {
    return new KspliceError('not-root', `${cannot} without being root`, {
      advice: 'Run it as root (with CAP_SYS_RAWIO).',
      cause,
    });
  }
  return new KspliceError('unreadable-kernel', `${cannot}: ${cause.message}`, { cause });
}

/** The lockdown mode, if one that hides kernel memory is on. */
function lockdown(): string | undefined {
  try {
    const text = readFileSync('/sys/kernel/security/lockdown', 'utf8');
    return /\[(confidentiality)\]/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}
