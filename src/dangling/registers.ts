// The registers that the calling convention gives a part to, as sets.

import { machine } from '../arch/index.js';
import type { Registers } from '../arch/machine.js';

const { parameters, arguments: all, clobbered, result, source } = machine.code.registers;

/** By the number of the parameter. */
export const [FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH] = parameters;
export const ARGUMENTS: Registers = all;
/** What a called function may leave something else in. */
export const CLOBBERED: Registers = clobbered;
export const RESULT: Registers = result;
/** What an instruction that copies memory reads through. */
export const SOURCE: Registers = source;
