// Which mechanism of the kernel a place in old code belongs to, from the forms that
// it may take: a match program has no tables any more.

import type { Program, Variant } from '../../program/program.js';
import type { SiteItem } from '../machine.js';
import { JUMP_LABEL } from '../site.js';
import { ENDBR64 } from './jump.js';
import { NOP2, NOP5 } from './nops.js';
import { JMP8, JMP32, RET } from './opcodes.js';
import { DS, LOCK } from './sites/lock-prefix.js';

const BY_CALLEE: readonly (readonly [RegExp, string])[] = [
  [/^__fentry__$/, 'ftrace'],
  [/^__x86_indirect_(thunk|call_thunk|jump_thunk)/, 'retpoline'],
  [/^__x86_return_thunk$/, 'return thunk'],
  [/^__SC[TK]__/, 'static call'],
  [/^pv_ops$/, 'paravirt call'],
];

/** What a place in old code is. */
export function mechanismOfSite({ variants, length }: SiteItem, program: Program): string {
  for (const variant of variants) {
    for (const { key, free } of variant.fields) {
      const name = free ? '' : (program.keys[key]?.name ?? '');
      const found = BY_CALLEE.find(([pattern]) => pattern.test(name));
      if (found) return found[1];
    }
  }
  const [built] = variants;
  if (!built) return 'rewritten by the kernel';
  if (length === 1 && (built.bytes[0] === LOCK || built.bytes[0] === DS)) return 'lock prefix';
  if (built.bytes[0] === RET) return 'return thunk';
  if (startsWith(built, ENDBR64)) return 'endbr';
  if (variants.length > 1 && variants.every(isJumpOrNop)) return JUMP_LABEL;
  return 'alternative';
}

const JUMPS_AND_NOPS = [[JMP32], [JMP8], [...NOP5], [...NOP2]];

function isJumpOrNop(variant: Variant): boolean {
  const { length } = variant.bytes;
  return (
    (length === 2 || length === 5) && JUMPS_AND_NOPS.some((start) => startsWith(variant, start))
  );
}

function startsWith({ bytes }: Variant, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}
