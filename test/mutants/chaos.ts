// What chaos has to notice.

import type { Mutant } from './mutant.js';

const chaos = (without: string, find: string, replace: string): Mutant => ({
  without,
  file: 'kmodsrc/switch.c',
  find,
  replace,
  tests: 'test/vm/chaos.test.ts',
  only: 'in agreement',
});

export const chaosMutants: readonly Mutant[] = [
  chaos(
    'the jump, in the middle of everything',
    'if (f->new && !f->by_ftrace)\n\t\t\tksplice_copy(f->place, undo',
    'if (f->new && !f->by_ftrace && undo)\n\t\t\tksplice_copy(f->place, undo',
  ),
  chaos(
    'the old bytes, in the middle of everything',
    'ksplice_copy(f->place, undo ? f->saved : f->jump',
    'ksplice_copy(f->place, f->jump',
  ),
];
