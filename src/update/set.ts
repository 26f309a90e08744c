// A set: one change, as an update for each of several kernels. It is a directory:
//
//   index.json                        for which kernels, by build id; this file
//   SHA256SUMS                        of all other files, as sha256sum writes it
//   RELEASE-BUILD/ksplice-ID.tar.gz   the updates; each has an id of its own, for a host may have
//                                     several kernels, and an update installed for each

import {
  asInnerPath,
  asListOf,
  asOneOf,
  asRecord,
  asText,
  type Decode,
  fromJson,
} from '../base/stored.js';
import { isUpdateId } from './contents.js';
import { asFixes, type Fixes } from './fixes.js';

/** The index's name in a set. */
export const INDEX = 'index.json';

/** An update of the set. */
export interface SetUpdate {
  /** As `uname -r` says. */
  readonly release: string;
  /** The kernel's own, hexadecimal: what the update is chosen by. */
  readonly buildId: string;
  readonly id: string;
  /** Its path in the set. */
  readonly file: string;
  /** Of the file, hexadecimal. */
  readonly sha256: string;
  readonly fixes: Fixes;
}

/** A kernel that got none. */
export interface SetOther {
  readonly release: string;
  readonly buildId: string;
  /** `not-needed`: nothing in its running code would change, or its source has the change. */
  readonly outcome: 'not-needed' | 'refused';
  /** Of the error with which `create` ended for it. */
  readonly code: string;
  readonly message: string;
}

export interface SetIndex {
  /** Of this format. */
  readonly format: 1;
  /** What all ids of its updates begin with. */
  readonly id: string;
  /** ISO 8601. */
  readonly created: string;
  readonly description: string;
  /** What all of its updates fix. */
  readonly fixes: Fixes;
  readonly updates: readonly SetUpdate[];
  readonly others: readonly SetOther[];
}

/** Text that fits a pattern: it becomes part of messages, paths and commands. */
function asMatch(pattern: RegExp): Decode<string> {
  return (value) => {
    const text = asText(value);
    return text !== undefined && pattern.test(text) ? text : undefined;
  };
}

// uname's fields have 64 bytes.
const asRelease = asMatch(/^[\w.+~:-]{1,64}$/);
const asBuildId = asMatch(/^[0-9a-f]{8,128}$/);
const asId: Decode<string> = (value) => {
  const id = asText(value);
  return id !== undefined && isUpdateId(id) ? id : undefined;
};

const asIndex = asRecord<SetIndex>({
  format: asOneOf([1]),
  id: asId,
  created: asText,
  description: asText,
  fixes: asFixes,
  updates: asListOf(
    asRecord<SetUpdate>({
      release: asRelease,
      buildId: asBuildId,
      id: asId,
      file: asInnerPath,
      sha256: asMatch(/^[0-9a-f]{64}$/),
      fixes: asFixes,
    }),
  ),
  others: asListOf(
    asRecord<SetOther>({
      release: asRelease,
      buildId: asBuildId,
      outcome: asOneOf(['not-needed', 'refused']),
      code: asText,
      message: asText,
    }),
  ),
});

/** The text of an index. */
export function formatIndex(index: SetIndex): string {
  return `${JSON.stringify(index, null, 2)}\n`;
}

/**
 * Reads an index.
 * @returns undefined if it is damaged, of a format that is not known, or names a kernel twice
 */
export function parseIndex(text: string): SetIndex | undefined {
  const index = fromJson(text, asIndex);
  const builds = [...(index?.updates ?? []), ...(index?.others ?? [])].map((one) => one.buildId);
  return new Set(builds).size === builds.length ? index : undefined;
}
