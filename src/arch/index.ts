// The machine that updates are made for: today there is one. Nothing outside of this folder
// knows which; with a second one, the choice is made here.

import type { Machine } from './machine.js';
import { x86 } from './x86/index.js';

export const machine: Machine = x86;
