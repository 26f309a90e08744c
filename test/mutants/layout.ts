// What is taken out of the look at types.

import type { Mutant } from './mutant.js';

const layout = (
  without: string,
  file: string,
  find: string,
  replace: string,
  tests: string,
): Mutant => ({
  without,
  file: `src/layout/${file}.ts`,
  find,
  replace,
  tests: `test/layout/${tests}.test.ts`,
});

export const layoutMutants: readonly Mutant[] = [
  layout('a struct that grows', 'changes', 'if (b.size > a.size) {', 'if (false) {', 'changes'),
  layout(
    'members that move',
    'changes',
    'reasons.push(...moves(both));',
    'void moves(both);',
    'changes',
  ),
  layout(
    'members that are where others were',
    'changes',
    'isHole(field, before) &&',
    'true &&',
    'changes',
  ),
  layout(
    'types under a new name',
    'changes',
    'if (best && best[1] >= ALIKE)',
    'if (best && best[1] > 100)',
    'changes',
  ),
  layout('the sign of numbers', 'same', 'a.signed === b.signed &&', 'true &&', 'changes'),
  layout(
    'the functions that have one on their stack and stay',
    'stacks',
    'if (!functions.isReplaced(name)) return',
    'if (false) return',
    'guard',
  ),
  layout(
    'pointers that come from elsewhere',
    'stacks',
    'return isPointer ?',
    'return false ?',
    'guard',
  ),
  layout(
    'functions that others call with theirs',
    'stacks',
    'return functions.isHandedOut(',
    'return ((_: string) => false)(',
    'guard',
  ),
  layout(
    'static variables of functions',
    'stacks',
    'if (entry.isStatic) return',
    'if (false) return',
    'guard',
  ),
  layout(
    'types that are declared in functions, in a patch of statements',
    'declarations',
    'parts.push(...(body.match(LOCAL_TYPE) ?? []));',
    '',
    'declarations',
  ),
  layout(
    'braces that are in no order',
    'declarations',
    "body.slice(0, -2).includes('\\n}')",
    'false',
    'declarations',
  ),
];
