// What is taken out of the search for addresses that stay out, and of the pairing of functions
// with another name.

import { type Mutant, mutantsIn } from './mutant.js';

const dangling = mutantsIn('dangling/', 'dangling/');
const find = (without: string, file: string, from: string, to: string) =>
  dangling(without, file, from, to, 'find.test.ts');
const diff = mutantsIn('diff/', 'diff/');

export const danglingMutants: readonly Mutant[] = [
  find('addresses that are stored', 'follow.ts', "[{ what, how: 'stored' }];", '[];'),
  find(
    'addresses that are returned',
    'follow.ts',
    "held & RESULT ? [{ what, how: 'returned' }] : [];",
    '[];',
  ),
  find(
    'both ways of a branch',
    'follow.ts',
    "...this.there(on, step)];\n      case 'jump':",
    "];\n      case 'jump':",
  ),
  find('calls of other new code', 'follow.ts', 'step.end }, ...inside];', 'step.end }];'),
  mutantsIn('arch/x86/', 'dangling/')(
    'conditional moves',
    'steps.ts',
    'const mayStay = access === lib.OpAccess.CondWrite;',
    'const mayStay = false;',
    'find.test.ts',
  ),
  find(
    'what a structure points at',
    'find.ts',
    "for (const next of pointers.of(thing)) report(next, thing.name, 'pointed');",
    '',
  ),
  find(
    'what is read from a table',
    'follow.ts',
    'if (step.loads && (step.address & (address | content)) !== 0) c |= step.written;',
    '',
  ),
  find('tables that are written in place', 'find.ts', '!tables.includes(name)', 'true'),
  dangling(
    'text that is kept',
    'kept-text.ts',
    'keeping.get(name) ?? (eventOf(name) === undefined ? 0 : ARGUMENTS)',
    '0',
    'forgetting.test.ts',
  ),
  diff(
    'that the user of a renamed function is the same otherwise',
    'renamed.ts',
    'if (!post || others.length > 0 || reverse.get(post)?.size !== 1) continue;',
    'if (!post) continue;',
    'fixtures.test.ts',
  ),
  diff(
    'functions with another name',
    'renamed.ts',
    'if (gone.size === 0 || added.size === 0) return false;',
    'return false;',
    'fixtures.test.ts',
  ),
  {
    without: 'the hold on new code that others have addresses of',
    file: 'kmodsrc/core.c',
    find: 'if (update->cause == KSPLICE_OK && ksplice_keeps_new_code(update))',
    replace: 'if (false)',
    tests: 'test/vm/dangling.test.ts',
    only: 'opened before',
  },
];
