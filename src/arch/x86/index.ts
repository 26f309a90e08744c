// x86-64.

import type { Machine } from '../machine.js';
import { isBranch, isOperand } from './branches.js';
import { readBzImage } from './bzimage.js';
import { DECODER } from './decoder.js';
import { numberText, textOf } from './disassembly.js';
import { bytesAfterField, isAddressValue, nearBranches } from './instructions.js';
import { jump } from './jump.js';
import { memory, tree } from './kernel-folders.js';
import { mechanismOfSite } from './mechanisms.js';
import { movesOf, slots } from './moves.js';
import { mergeNops, patchRules } from './nops.js';
import { NOP } from './opcodes.js';
import { relocations } from './relocations.js';
import { withoutRuntimeConstants } from './runtime-constants.js';
import { collectSites } from './sites/index.js';
import { registers, stepsOf } from './steps.js';
import { isIndirectThunk, RETURN_THUNK } from './thunks.js';

export const x86: Machine = {
  name: 'x86_64',
  debian: 'amd64',
  label: relocations.label,
  tree,
  image: { path: 'arch/x86/boot/bzImage', read: readBzImage },
  memory,
  jump,
  sites: {
    collect: collectSites,
    mergeNops: (tables, ...form) => mergeNops(patchRules(tables), ...form),
    mechanismOf: mechanismOfSite,
    withoutRuntimeConstants,
  },
  code: {
    isOperand,
    isBranch,
    operandAddend: -4,
    noop: Uint8Array.of(NOP),
    // 8 bytes never occur with a RIP-relative operand.
    longestTail: 4,
    bytesAfterField,
    nearBranches,
    isAddressValue,
    stepsOf,
    registers,
    movesOf,
    slots,
    textOf,
    numberText,
    returnThunk: RETURN_THUNK,
    isIndirectThunk,
  },
  packages: [DECODER],
};
