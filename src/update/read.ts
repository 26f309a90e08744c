// Reads an update from a tarball or from an unpacked directory, into memory.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, opendir, stat } from 'node:fs/promises';
import path from 'node:path';
import { KspliceError, problemsError } from '../base/errors.js';
import { idOfDirectory, pathFault, readArchive, SIZE_LIMIT, type UpdateFiles } from './archive.js';
import { type Update, verifyUpdate } from './update.js';

/**
 * Reads and verifies an update.
 * @param source a `ksplice-ID.tar.gz`, or the directory `ksplice-ID` out of one
 * @param sha256 what the archive has to be, hexadecimal; it is compared before anything is unpacked
 * @throws KspliceError `io` if it cannot be read, `bad-archive` or `bad-update`
 */
export async function readUpdate(source: string, sha256?: string): Promise<Update> {
  return verifyUpdate(await readUpdateFiles(source, sha256), path.basename(path.resolve(source)));
}

/**
 * Reads an update's files, and looks into none of them.
 * @param sha256 as for readUpdate()
 * @throws KspliceError `io`, `bad-archive`, `bad-update`
 */
export async function readUpdateFiles(source: string, sha256?: string): Promise<UpdateFiles> {
  const kind = await stat(source).catch((error) => {
    throw unreadable(source, error);
  });
  return kind.isDirectory()
    ? readDirectory(source)
    : readArchive(await readDigested(source, sha256), path.basename(source));
}

async function readDigested(file: string, sha256: string | undefined): Promise<Buffer> {
  const data = await readWhole(file, constants.O_RDONLY);
  if (sha256 === undefined || createHash('sha256').update(data).digest('hex') === sha256) {
    return data;
  }
  throw new KspliceError('bad-archive', `${file} is not the file that its set names`, {
    advice: 'It was altered or damaged, and nothing was unpacked. Get the set again.',
  });
}

/**
 * Reads the files of a directory `ksplice-ID`, which may not hold links.
 * @throws KspliceError `bad-update`, `io`
 */
export async function readDirectory(directory: string): Promise<UpdateFiles> {
  const id = idOfDirectory(path.basename(path.resolve(directory)));
  if (id === undefined) {
    throw new KspliceError('bad-update', `${directory} is not an update's directory`, {
      advice: 'Give a ksplice-ID.tar.gz, or the directory ksplice-ID that it unpacks to.',
    });
  }
  const files = new Map<string, Buffer>();
  const faults: string[] = [];
  await collect(directory, '', files, faults);
  if (faults.length > 0) {
    const problems = faults.map((message) => ({ code: 'bad-update' as const, message }));
    throw problemsError('bad-update', `${directory} is not a usable update`, problems);
  }
  return { id, files };
}

async function collect(
  directory: string,
  below: string,
  files: Map<string, Buffer>,
  faults: string[],
): Promise<void> {
  for await (const entry of await opendir(path.join(directory, below))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    const fault = pathFault(name);
    if (fault) faults.push(fault);
    else if (entry.isDirectory()) await collect(directory, name, files, faults);
    else if (!entry.isFile()) faults.push(`${name} is neither a file nor a directory`);
    else {
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
      files.set(name, await readWhole(path.join(directory, name), flags));
    }
  }
}

/** A regular file of no more than what an update may weigh. */
export async function readWhole(file: string, flags: number): Promise<Buffer> {
  try {
    // Not to wait for the writer of a pipe; what is no regular file is refused below.
    const handle = await open(file, flags | constants.O_NONBLOCK);
    try {
      const status = await handle.stat();
      if (!status.isFile()) {
        throw new KspliceError('io', `${file} is not a regular file`);
      }
      if (status.size > SIZE_LIMIT) {
        throw new KspliceError('bad-archive', `${file} is larger than any update`);
      }
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof KspliceError ? error : unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): KspliceError {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT'
    ? new KspliceError('io', `${file} does not exist`)
    : new KspliceError('io', `cannot read ${file}: ${message}`, { cause: error });
}
