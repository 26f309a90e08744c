// The jump to new code, as kmodsrc writes it: e9 and a displacement, behind the mark
// that indirect calls land on.

import type { Jump } from '../machine.js';

/** The landing mark of indirect branch tracking. */
export const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa];

export const jump: Jump = {
  size: 5,
  markLength: (entry) => (ENDBR64.every((byte, at) => entry[at] === byte) ? ENDBR64.length : 0),
};
