// The errors of kernel images: what is wrong with which file. Numbers are read
// through elf/bytes.ts, whose complaint about a short file becomes a complaint
// about the image here.

import { KspliceError } from '../base/errors.js';

/** The one error for a kernel image, module or capture that cannot be used. */
export function badImage(origin: string, what: string, cause?: unknown): KspliceError {
  return new KspliceError('bad-image', `${origin}: ${what}`, {
    advice: 'Fetch the kernel image package again and unpack it, or name another with --image.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Runs `read`; what it finds malformed in the bytes is an error of the image. */
export function readingImage<T>(origin: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof KspliceError && error.code === 'bad-elf') {
      throw badImage(origin, 'the file is damaged or was cut short', error);
    }
    throw error;
  }
}
