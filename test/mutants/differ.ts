// What is taken out of the differ.

import { type Mutant, mutantsIn } from './mutant.js';

const differ = mutantsIn('diff/', 'diff/');
const create = mutantsIn('create/code/', 'create/code/');

/** Of the look for copies of tables that are written in place. */
const copies = (without: string, file: string, find: string, replace: string): Mutant =>
  differ(without, file, find, replace, 'fixtures.test.ts', 'copied-tables');

/** Of new variables that boot code would set up. */
const setAtBoot = (without: string, find: string, replace: string): Mutant =>
  differ(without, 'set-at-boot.ts', find, replace, 'fixtures.test.ts', 'set-at-boot');

export const differMutants: readonly Mutant[] = [
  differ(
    'which member of a struct a variable of clang is',
    'static-locals.ts',
    "{part.member ?? ''}",
    "{''}",
    'clang.test.ts',
  ),
  differ(
    'owners of tables that are written in place',
    'owners.ts',
    'name === MODULE',
    'name !== target.name',
    'fixtures.test.ts',
    'owner-changed',
  ),
  setAtBoot(
    'new variables that only boot code sets up',
    'if (!isRead || !by || left.has(variable)) return [];',
    'if (isRead || by || left.has(variable)) return [];',
  ),
  setAtBoot(
    'locks that boot code takes, too',
    "return !USES.test(callee?.symbol.name ?? '')",
    "return !/^$/.test(callee?.symbol.name ?? '')",
  ),
  create(
    'new functions that only boot code calls',
    'set-elsewhere.ts',
    'return isCalled && !isUsed(setter, object, objects, [setter]);',
    'return false;',
    'set-elsewhere.test.ts',
  ),
  create(
    'boot code of other objects',
    'set-elsewhere.ts',
    'if (by !== undefined) return by;',
    'if (by !== undefined) return undefined;',
    'set-elsewhere.test.ts',
  ),
  create(
    'global variables that move to another target',
    'moved.ts',
    ': isSameVariable(one.symbol, symbol)',
    ': false',
    'names.test.ts',
  ),
  {
    without: 'the values of variables that are gone',
    file: 'src/diff/decide.ts',
    find: ', ...lostValues(comparison)',
    replace: '',
    tests: 'test/soundness/kinds.test.ts',
    only: 'under another name',
  },
  setAtBoot('options of the command line', 'if (isParameter(side, user)) return false;', ''),
  setAtBoot('new variables that have a value', '&& isZero(post, part)', ''),
  copies(
    'copies by functions of the object that hand on what they were given',
    'copies.ts',
    "if (typeof argument !== 'number') continue;",
    'continue;',
  ),
  copies(
    'copies of what the pointers in an argument lead to',
    'copies.ts',
    "what === 'itself' ? itself : [...itself, ...inside]",
    'itself',
  ),
  copies(
    'what is used where it is, though copies are made of what its pointers lead to',
    'copies.ts',
    "value !== 'stack' && what !== 'inside' ?",
    "value !== 'stack' ?",
  ),
  copies(
    'what copies of the new content mean for undo',
    'decide.ts',
    "to === 'kept' && offset >= start && offset < end",
    'false && to && offset && start && end',
  ),
  copies(
    'the difference between what has run and what runs when a module is unloaded',
    'copies.ts',
    "!section.name.startsWith('.exit')",
    'true',
  ),
  copies(
    'the look whether a copy is on the own stack',
    'copies.ts',
    "isPlainCopy(name) && given[0]?.has('stack')",
    'false',
  ),
  copies(
    'addresses that come by a branch backwards',
    'calls.ts',
    'const MOST_ROUNDS = 4;',
    'const MOST_ROUNDS = 1;',
  ),
];
