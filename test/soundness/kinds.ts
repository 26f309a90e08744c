// All kinds. A new one is a row in the file of its group.

import type { Kind } from './kind.js';
import { layoutKinds } from './layout.js';
import { variableKinds } from './variables.js';

export interface Group {
  readonly title: string;
  readonly kinds: readonly Kind[];
}

export const groups: readonly Group[] = [
  { title: 'Types of data', kinds: layoutKinds },
  { title: 'Variables and constants', kinds: variableKinds },
];
