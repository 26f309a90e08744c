// Whether create looks at types at all: most fixes cannot change one.

import type { Ui } from '../../base/ui.js';
import { mayChangeTypes } from '../../layout/declarations.js';
import type { PatchedFile } from '../change/patched-file.js';
import { flagsForTypes, type KernelHeaders } from '../tree/kbuild.js';
import type { Comparing } from '../values.js';

/** Where the change cannot touch a type, the compiler need not describe them. */
export function howTypesAreCompared(
  files: readonly PatchedFile[],
  below: readonly (readonly PatchedFile[])[],
  headers: KernelHeaders,
  ui: Ui,
): Comparing {
  if (!mayChangeTypes([...files, ...below.flat()])) return 'not touched';
  if (flagsForTypes(headers)) return 'compared';
  ui.warn(
    `the change may alter the layout of data, and ${headers.compiler} cannot describe it: it is not checked whether the existing objects fit the new code`,
  );
  return 'not possible';
}
