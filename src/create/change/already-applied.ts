// Whether a source has a whole patch already: then its kernel, if it is the source of one, needs
// nothing.

import { KspliceError } from '../../base/errors.js';
import { applyHunks, type Fit } from './apply-hunks.js';
import { type FilePatch, reversed } from './parse-patch.js';

/** A file's part of a patch, and the text that the file has; undefined if it is not there. */
export interface PartWithText {
  readonly patch: FilePatch;
  readonly text: string | undefined;
}

/** Whether each part can be taken back exactly: a hunk that is only found loosely proves nothing. */
export function hasWholePatch(parts: readonly PartWithText[], fit: Fit): boolean {
  return parts.every(({ patch, text }) => {
    const [back] = reversed([patch]);
    if (text === undefined || !back || back.hunks.length === 0) return false;
    const { hunks } = applyHunks(text, back.hunks, { ...fit, fuzz: 0 });
    return hunks.every(({ applied }) => applied);
  });
}

/** The same error, with `details.alreadyApplied`. */
export function asAlreadyApplied({ code, message, advice, details }: KspliceError): KspliceError {
  return new KspliceError(code, message, { advice, details: { ...details, alreadyApplied: true } });
}
