// What is written down of installed updates; store.ts says in which files.

import { asCount, asRecord, asText, asTexts, type Decode } from '../base/stored.js';

/** installed.json */
export interface Installed {
  readonly id: string;
  /** Updates are applied from the lowest up. */
  readonly order: number;
  /** ISO 8601. */
  readonly installed: string;
  /** The one kernel that it is for. */
  readonly release: string;
  readonly buildId: string;
  readonly description: string;
  readonly targets: readonly string[];
}

/** attempt.json, crashed.json, survived.json, and the list in late.json: which boot it was, and when. */
export interface Attempt {
  readonly id: string;
  readonly bootId: string;
  /** ISO 8601. */
  readonly began: string;
}

export const asInstalled = asRecord<Omit<Installed, 'id'>>({
  order: asCount,
  installed: asText,
  release: asText,
  buildId: asText,
  description: asText,
  targets: asTexts,
});

export const asAttempt: Decode<Attempt> = asRecord<Attempt>({
  id: asText,
  bootId: asText,
  began: asText,
});
