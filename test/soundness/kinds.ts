// All kinds. A new one is a row in the file of its group.

import { callbackKinds } from './callbacks.js';
import { dataKinds } from './data.js';
import type { Kind } from './kind.js';
import { layoutKinds } from './layout.js';
import { nameKinds } from './names.js';
import { patchKinds } from './patches.js';
import { unnamedKinds } from './unnamed.js';
import { variableKinds } from './variables.js';

export interface Group {
  readonly title: string;
  readonly kinds: readonly Kind[];
}

export const groups: readonly Group[] = [
  { title: 'Types of data', kinds: [...layoutKinds, ...unnamedKinds] },
  { title: 'Variables', kinds: [...variableKinds, ...nameKinds] },
  { title: 'Tables, and data that is new', kinds: dataKinds },
  { title: 'Callbacks', kinds: callbackKinds },
  { title: 'Patches', kinds: patchKinds },
];
