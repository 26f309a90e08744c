// What is taken out of the way from a patch to objects.

import { type Mutant, mutantsIn } from './mutant.js';

const create = mutantsIn('create/', 'create/');

export const patchMutants: readonly Mutant[] = [
  create(
    'the refusal of a piece of a diff that belongs to no file',
    'parse-patch.ts',
    'if (isPiece.test(line) && !NO_HUNK.test(line)) {',
    'if (false) {',
    'damaged-patches.test.ts',
  ),
  create(
    "the count of a hunk's lines",
    'patch-hunk.ts',
    'if (left.old < 0 || left.new < 0) throw',
    'if (false) throw',
    'parse-patch.test.ts',
  ),
  create(
    'the look at what stands behind a hunk',
    'patch-hunk.ts',
    'if (isRest(lines, at)) throw',
    'if (false) throw',
    'parse-patch.test.ts',
  ),
  create(
    'the refusal of a header of git that changes nothing',
    'git-header.ts',
    'if (!hasHunks && !saysMore)',
    'if (false)',
    'parse-patch.test.ts',
  ),
  create(
    'the comparison of the names in a header of git',
    'git-header.ts',
    '!isOneFile(known, said);',
    'false;',
    'damaged-patches.test.ts',
  ),
  create(
    'the refusal of a new file that exists',
    'source-patch.ts',
    "(patch.hunks.some(isForEmptyFile) && old !== '')",
    'false',
    'source-patch.test.ts',
    'makes no new file',
  ),
  create(
    'the refusal of what is no text, of code',
    'source-patch.ts',
    "if (kindOf(path) !== 'other') {",
    'if (false) {',
    'source-patch.test.ts',
    'no text',
  ),
  create(
    'the vdso outside of its directory',
    'outside.ts',
    '[/^lib\\/vdso\\//, VDSO],',
    '',
    'left-out.test.ts',
  ),
  create(
    'the refusal of initcalls in new files',
    'new-objects.ts',
    'if (hooks.length > 0) return [];',
    'return [];',
    'new-objects.test.ts',
  ),
  create(
    'the refusal of an update whose code nothing calls',
    'differences.ts',
    'if (idle) throw',
    'if (false) throw',
    'new-objects.test.ts',
  ),
];
