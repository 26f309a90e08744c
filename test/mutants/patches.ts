// What is taken out of the way from a patch to objects.

import { type Mutant, mutantsIn } from './mutant.js';

const create = mutantsIn('create/', 'create/');

export const patchMutants: readonly Mutant[] = [
  create(
    'the lock of a run on its directory',
    'invocation/scope.ts',
    "release = await lockOpened(directory.path, 'r', 0, ui.signal);",
    '',
    'run.test.ts',
  ),
  create(
    'the trial of the place for an update',
    'pipeline.ts',
    'checkOutput(options.output, id);',
    '',
    'modules/pack.test.ts',
  ),
  create(
    'what a hunk that only removes makes of a file',
    'change/apply-hunks.ts',
    'return made.length > 0 && this.locate',
    'return this.locate',
    'change/source-patch.test.ts',
  ),
  create(
    'the refusal of a piece of a diff that belongs to no file',
    'change/parse-patch.ts',
    'if (isPiece.test(line) && !NO_HUNK.test(line)) {',
    'if (false) {',
    'change/damaged-patches.test.ts',
  ),
  create(
    "the count of a hunk's lines",
    'change/patch-hunk.ts',
    'if (left.old < 0 || left.new < 0) throw',
    'if (false) throw',
    'change/parse-patch.test.ts',
  ),
  create(
    'the look at what stands behind a hunk',
    'change/patch-hunk.ts',
    'if (isRest(lines, at)) throw',
    'if (false) throw',
    'change/parse-patch.test.ts',
  ),
  create(
    'the refusal of a header of git that changes nothing',
    'change/git-header.ts',
    'if (!hasHunks && !saysMore)',
    'if (false)',
    'change/parse-patch.test.ts',
  ),
  create(
    'the comparison of the names in a header of git',
    'change/git-header.ts',
    '!isOneFile(known, said);',
    'false;',
    'change/damaged-patches.test.ts',
  ),
  create(
    'the refusal of a new file that exists',
    'change/source-patch.ts',
    "(patch.hunks.some(isForEmptyFile) && old !== '')",
    'false',
    'change/source-patch.test.ts',
    'makes no new file',
  ),
  create(
    'the refusal of what is no text, of code',
    'change/source-patch.ts',
    "if (kindOf(path) !== 'other') {",
    'if (false) {',
    'change/source-patch.test.ts',
    'no text',
  ),
  create(
    'the vdso outside of its directory',
    'objects/outside.ts',
    '[/^lib\\/vdso\\//, VDSO],',
    '',
    'objects/left-out.test.ts',
  ),
  create(
    'the refusal of initcalls in new files',
    'objects/new-objects.ts',
    'if (hooks.length > 0) return [];',
    'return [];',
    'objects/new-objects.test.ts',
  ),
  create(
    'the refusal of an update whose code nothing calls',
    'code/differences.ts',
    'if (idle) throw',
    'if (false) throw',
    'objects/new-objects.test.ts',
  ),
];
