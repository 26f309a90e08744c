// A result that goes to a file in place of stdout.

import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { KspliceError } from '../base/errors.js';

/**
 * Writes a file whole or not at all: who reads it in this moment gets the old one or the new one.
 * Something like /dev/stdout is written to, and not replaced by a file.
 * @param option which named the file, for the advice
 * @throws KspliceError `io`
 */
export async function writeOutputFile(file: string, text: string, option: string): Promise<void> {
  const unfinished = `${file}.${process.pid}.part`;
  try {
    const known = await stat(file).catch(() => undefined);
    if (known && !known.isFile()) {
      await writeFile(file, text);
      return;
    }
    await writeFile(unfinished, text, { flag: 'wx' });
    await rename(unfinished, file);
  } catch (cause) {
    await rm(unfinished, { force: true });
    throw new KspliceError('io', `cannot write ${file}: ${(cause as Error).message}`, {
      advice: `Give ${option} a file in a directory that you can write to.`,
      cause,
    });
  }
}
