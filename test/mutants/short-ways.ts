// What is taken out of the ways round kbuild.

import { type Mutant, mutantsIn } from './mutant.js';

const create = mutantsIn('create/', 'create/');

export const shortWayMutants: readonly Mutant[] = [
  create(
    'the look whether the headers have what an object needs',
    'tree/from-headers.ts',
    'lacking(kbuild.headers) ??',
    '',
    'tree/from-headers.test.ts',
  ),
  create(
    'the comparison of .config with the headers, before they are taken',
    'tree/from-headers.ts',
    "otherOptions(readFileSync(config, 'utf8'), kbuild.headers) ??",
    '',
    'tree/from-headers.test.ts',
  ),
  create(
    'the look whether the compiler is that of the headers',
    'tree/from-headers.ts',
    "if (cc !== options.get('CONFIG_CC_VERSION_TEXT')?.slice(1, -1))",
    'if (false)',
    'tree/from-headers.test.ts',
  ),
  create(
    'the look whether the headers have changed since they were taken',
    'tree/from-headers.ts',
    "readFileSync(mark(kbuild), 'utf8') !== pictureOf(kbuild.headers)",
    'false',
    'tree/from-headers.test.ts',
  ),
  create(
    'the inodes in the picture of a source tree',
    'tree/picture.ts',
    '%y %m %i %s',
    '%y %m %s',
    'tree/mirror.test.ts',
  ),
  create(
    "the look whether the core's commands are of a known kind",
    'modules/core-commands.ts',
    'return isKnown(commands) ? commands : undefined;',
    'return commands;',
    'modules/core-commands.test.ts',
  ),
];
