// What is taken out of the reading of files that the tool wrote itself.

import { type Mutant, mutantsIn } from './mutant.js';

const tool = mutantsIn('', '');

export const storedMutants: readonly Mutant[] = [
  tool(
    'the distrust of a damaged record of a crash',
    'install/store.ts',
    "?? { id, bootId: '', began: 'at an unknown time' }",
    '',
    'install/install.test.ts',
  ),
  tool(
    "the distrust of a damaged line in the mirror's index",
    'create/tree/mirror.ts',
    ' || !asInnerPath(path)',
    '',
    'create/tree/mirror.test.ts',
  ),
  tool(
    'the distrust of a damaged journal of patched files',
    'create/tree/patched-tree.ts',
    'path: asInnerPath,',
    'path: (value) => value as string,',
    'create/tree/patched-tree.test.ts',
  ),
  tool(
    'the distrust of the stamp of a pre object that was cut short',
    'create/objects/pre-objects.ts',
    'if (!signatures.has(join(cache, name))) return false;',
    '',
    'create/objects/pre-objects.test.ts',
  ),
];
