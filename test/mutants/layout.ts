// What is taken out of the look at types.

import { type Mutant, mutantsIn } from './mutant.js';

const layout = mutantsIn('layout/', 'layout/');

export const layoutMutants: readonly Mutant[] = [
  layout(
    'a struct that grows',
    'changes.ts',
    'if (b.size > a.size) {',
    'if (false) {',
    'changes.test.ts',
  ),
  layout(
    'members that move',
    'changes.ts',
    'reasons.push(...moves(both));',
    'void moves(both);',
    'changes.test.ts',
  ),
  layout(
    'members that are where others were',
    'changes.ts',
    'isHole(field, before) &&',
    'true &&',
    'changes.test.ts',
  ),
  layout(
    'types under a new name',
    'changes.ts',
    'if (best && best[1] >= ALIKE)',
    'if (best && best[1] > 100)',
    'changes.test.ts',
  ),
  layout(
    'the sign of numbers',
    'same.ts',
    'a.signed === b.signed &&',
    'true &&',
    'changes.test.ts',
  ),
  layout(
    'the functions that have one on their stack and stay',
    'stacks.ts',
    'if (!functions.isReplaced(name)) return',
    'if (false) return',
    'guard.test.ts',
  ),
  layout(
    'pointers that come from elsewhere',
    'stacks.ts',
    'return isPointer ?',
    'return false ?',
    'guard.test.ts',
  ),
  layout(
    'functions that others call with theirs',
    'stacks.ts',
    'return functions.isHandedOut(',
    'return ((_: string) => false)(',
    'guard.test.ts',
  ),
  layout(
    'static variables of functions',
    'stacks.ts',
    'if (entry.isStatic) return',
    'if (false) return',
    'guard.test.ts',
  ),
  layout(
    'types that are declared in functions, in a patch of statements',
    'declarations.ts',
    'parts.push(...(body.match(LOCAL_TYPE) ?? []));',
    '',
    'declarations.test.ts',
  ),
  layout(
    'braces that are in no order',
    'declarations.ts',
    "body.slice(0, -2).includes('\\n}')",
    'false',
    'declarations.test.ts',
  ),
];
