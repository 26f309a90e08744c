// What peers do with several kinds in the same way. Facts are from the sources that the
// document names; where we have not looked it says so.

import type { Peers } from './kind.js';

export const NOT_CHECKED = 'not checked';
export const UNKNOWN: Peers = {
  kpatch: NOT_CHECKED,
  livepatch: NOT_CHECKED,
  ksplice: NOT_CHECKED,
};

/** Nobody but the author looks at types. */
export const LAYOUT: Peers = {
  kpatch:
    'not seen: objects are compared, not types. Its guide does not allow it, and leaves it to the author',
  livepatch: 'shadow variables',
  ksplice: 'not seen in objects; left to the author, who has hooks and shadow data',
};

/** kpatch pairs by name, and stops where the sections of a pair do not correspond. */
export const OTHER_SECTION: Peers = {
  kpatch: 'refused: `symbol changed sections`',
  livepatch: 'the module that its author writes has a variable of its own',
  ksplice: NOT_CHECKED,
};

export const NEW_DATA: Peers = {
  kpatch: 'new data comes along; of these sections, not checked',
  livepatch: 'the patch is a module, and the loader makes its data ready',
  ksplice: NOT_CHECKED,
};

/** Changed data is an unsupported section change, unless a changed function brings it in. */
export const CHANGED_TABLE: Peers = {
  kpatch: 'refused: `unsupported section change`, its guide has such a table as an example',
  livepatch: 'callbacks, which the author writes',
  ksplice: NOT_CHECKED,
};

const PATCH =
  'what patch(1) makes of it: it says that it patches the second file, leaves it as it is, and succeeds';
export const DAMAGED: Peers = { kpatch: PATCH, livepatch: 'knows no patches', ksplice: PATCH };

/** kpatch links the whole patched kernel, and compares the objects one by one. */
export const TAKEN_NAME: Peers = {
  ...UNKNOWN,
  kpatch: 'refused: the whole patched kernel is linked, and that fails',
};
export const OTHER_OBJECT: Peers = {
  ...UNKNOWN,
  kpatch: 'not seen: each object is compared for itself',
};
export const NEW_FILE: Peers = {
  kpatch: 'the whole object comes along',
  livepatch: 'the module may have any files',
  ksplice: NOT_CHECKED,
};
export const VDSO: Peers = {
  kpatch: "left out: the compiler's wrapper passes over these objects",
  livepatch: 'only functions that ftrace can trace',
  ksplice: NOT_CHECKED,
};
