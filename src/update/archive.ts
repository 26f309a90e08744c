// Updates as gzip-compressed tar archives. An archive is foreign until proved
// otherwise: it is read in memory, within limits, and nothing in it names a
// place outside of the one directory that an update is.

import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { KspliceError, problemsError } from '../base/errors.js';
import { isUpdateId, quote } from './contents.js';

/** What an update may weigh, compressed or not: about a hundred times a usual one. */
export const SIZE_LIMIT = 128 * 1024 * 1024;
const ENTRY_LIMIT = 4096;
const PATH_LIMIT = 200;
const PART = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/;

/** An update's files by their path below its directory. */
export interface UpdateFiles {
  readonly id: string;
  readonly files: ReadonlyMap<string, Buffer>;
}

/**
 * Reads an archive.
 * @param data the whole archive
 * @param origin its name, for messages
 * @throws KspliceError `bad-archive`, with everything that is wrong with it
 */
export async function readArchive(data: Buffer, origin: string): Promise<UpdateFiles> {
  const collector = new Collector();
  await parseTar(await decompress(data, origin), collector, origin);
  const { id, files, faults } = collector;
  if (files.size === 0 && faults.length === 0) faults.push('it is empty');
  if (faults.length > 0 || id === undefined) {
    const problems = faults.map((message) => ({ code: 'bad-archive' as const, message, advice }));
    throw problemsError('bad-archive', `${origin} is not an update's archive`, problems);
  }
  return { id, files };
}

const advice = 'Nothing was unpacked. Get the update again from where it was made.';

/** The id in "ksplice-ID", or undefined. */
export function idOfDirectory(name: string): string | undefined {
  const [, id] = /^ksplice-(.*)$/.exec(name) ?? [];
  return id !== undefined && isUpdateId(id) ? id : undefined;
}

/** What is wrong with a path below an update's directory; undefined if nothing. */
export function pathFault(path: string): string | undefined {
  if (path.length > PATH_LIMIT) return `the name ${quote(path)} is too long`;
  const parts = path.split('/');
  if (parts.includes('..')) return `the name ${quote(path)} leads out of the archive`;
  if (!parts.every((part) => PART.test(part))) return `the name ${quote(path)} is odd`;
  return undefined;
}

/** Takes the entries one by one, and notes what is wrong with them. */
class Collector {
  readonly files = new Map<string, Buffer>();
  readonly faults: string[] = [];
  id: string | undefined;
  private readonly directories = new Set<string>();
  private entries = 0;

  /** The path below the update's directory if the entry is a file to keep. */
  admit(entry: ReadEntry): string | undefined {
    this.entries++;
    if (this.entries === ENTRY_LIMIT + 1) this.fault(`it has more than ${ENTRY_LIMIT} entries`);
    if (this.entries > ENTRY_LIMIT) return undefined;
    const path = entry.path.replace(/\/$/, '');
    const isFile = entry.type === 'File' || entry.type === 'OldFile';
    if (!isFile && entry.type !== 'Directory') {
      this.fault(`${quote(path)} is a ${entry.type}, neither a file nor a directory`);
      return undefined;
    }
    if (path.startsWith('/')) {
      this.fault(`the name ${quote(path)} is absolute`);
      return undefined;
    }
    const fault = pathFault(path);
    if (fault) {
      this.fault(fault);
      return undefined;
    }
    return this.belowTop(path, isFile);
  }

  private belowTop(path: string, isFile: boolean): string | undefined {
    const slash = path.indexOf('/');
    const top = slash < 0 ? path : path.slice(0, slash);
    const id = slash < 0 && isFile ? undefined : idOfDirectory(top);
    this.id ??= id;
    if (id === undefined || id !== this.id) {
      this.fault(`${quote(path)} is not in the update's directory, ksplice-${this.id ?? 'ID'}`);
      return undefined;
    }
    if (slash < 0) return undefined;
    const below = path.slice(slash + 1);
    if (this.clashes(below, isFile)) {
      this.fault(`${quote(path)} is both a file and a directory`);
      return undefined;
    }
    if (!isFile) return undefined;
    if (this.files.has(below)) {
      this.fault(`${quote(path)} is there more than once`);
      return undefined;
    }
    return below;
  }

  /** Remembers directories, and tells whether a name is one and a file at once. */
  private clashes(below: string, isFile: boolean): boolean {
    const parts = below.split('/');
    const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
    for (const directory of isFile ? above : [...above, below]) {
      if (this.files.has(directory)) return true;
      this.directories.add(directory);
    }
    return isFile && this.directories.has(below);
  }

  fault(text: string): void {
    // A hostile archive may have any number of them.
    if (this.faults.length < 20) this.faults.push(text);
  }
}

async function parseTar(tar: Buffer, collector: Collector, origin: string): Promise<void> {
  // The parser would decompress once more, and without a limit, what looks compressed.
  if (tar.toString('latin1', 257, 262) !== 'ustar') {
    throw new KspliceError('bad-archive', `${origin} does not hold a tar archive`, { advice });
  }
  await new Promise<void>((resolve, reject) => {
    const parser = new Parser({
      strict: true,
      brotli: false,
      zstd: false,
      onReadEntry: (entry: ReadEntry) => {
        const path = collector.admit(entry);
        if (path === undefined) {
          entry.resume();
          return;
        }
        const parts: Buffer[] = [];
        collector.files.set(path, Buffer.alloc(0));
        entry.on('data', (part: Buffer) => parts.push(part));
        entry.on('end', () => collector.files.set(path, Buffer.concat(parts)));
      },
    });
    parser.on('ignoredEntry', (entry: ReadEntry) => {
      collector.fault(`${quote(entry.path)} is a ${entry.type}, neither a file nor a directory`);
    });
    parser.on('error', (error: Error) => reject(damaged(origin, error)));
    parser.on('end', resolve);
    parser.end(tar);
  });
}

async function decompress(data: Buffer, origin: string): Promise<Buffer> {
  if (data.length < 2 || data.readUInt16BE(0) !== 0x1f8b) {
    throw new KspliceError('bad-archive', `${origin} is not a gzip archive`, { advice });
  }
  try {
    return await promisify(gunzip)(data, { maxOutputLength: SIZE_LIMIT });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new KspliceError(
        'bad-archive',
        `${origin} would unpack to more than ${SIZE_LIMIT / 1024 / 1024} MiB`,
        { advice },
      );
    }
    throw damaged(origin, error as Error);
  }
}

function damaged(origin: string, cause: Error): KspliceError {
  return new KspliceError('bad-archive', `${origin} is cut off or damaged: ${cause.message}`, {
    advice,
    cause,
  });
}
