// A kind of change, as data: what the tool must make of it, on a small pair of C files and on
// the stock kernel, and what its peers do. The files beside this one hold one group of kinds each.

import type { TestKernel } from '../kernels/kernel.js';
import type { SourceEdit } from '../vm/ksplice.js';

export interface Kind {
  /** Its name in the table, and for `npm run soundness -- KIND`. */
  readonly kind: string;
  readonly verdict: Verdict;
  /** A sentence for the table. */
  readonly why: string;
  readonly peers: Peers;
  /** What the tool does today, where that is not what the documents promise. */
  readonly finding?: string;
  readonly fixture: Fixture;
  readonly subject: Subject;
}

/** What `create` does. Codes are those of docs/errors.md, and of a refusal's details. */
export type Verdict = 'made' | { readonly refused: string; readonly detail?: string };

/** What others do in the same case; `not checked` where we have not looked. */
export interface Peers {
  readonly kpatch: string;
  readonly livepatch: string;
  readonly ksplice: string;
}

/** What is expected besides the verdict. */
export interface Expected {
  /** What is said, in the message and advice of a refusal or in the notes of what is made. */
  readonly says?: RegExp;
  /** All that changes: see `Seen`. */
  readonly changes?: readonly string[];
}

/** Objects by name, before and after; or a patch of a small source tree. */
export type Fixture = Expected &
  (
    | {
        /** C, with test/fixtures/diff/kernel.h. An object without a text before is new. */
        readonly objects: Readonly<Record<string, readonly [before: string, after: string]>>;
        /** Global symbols of the kernel: name → type, as in System.map. */
        readonly known?: Readonly<Record<string, string>>;
      }
    | { readonly tree: Readonly<Record<string, string>>; readonly patch: string }
  );

/** A change of the stock kernel. */
export interface Subject extends Pick<Expected, 'says'> {
  /** Edits by file. */
  readonly edits: Readonly<Record<string, readonly SourceEdit[]>>;
  /** What becomes of the patch of these edits; for patches that are damaged, or have new files. */
  readonly patch?: (patch: string, kernel: TestKernel) => string;
  /** How the update is used in the guest; only of what is made. */
  readonly use?: Use;
}

/** Bash, all of it in one shell: what is opened or started first lives through apply and undo. */
export interface Use {
  /** Runs once, before the update is applied. */
  readonly first?: string;
  /** Runs before, while and after the update is applied; what it prints is judged. */
  readonly run: string;
  readonly before: RegExp;
  readonly applied: RegExp;
  /** As `before` when absent. */
  readonly after?: RegExp;
  /** Others have addresses of the new code, which stays loaded after undo, until it is let go at the end. */
  readonly stays?: true;
  /** Runs once, at the end. */
  readonly last?: string;
}

/** What the tool did. */
export interface Seen {
  /** The error's code; undefined if an update was made. */
  readonly code: string | undefined;
  /** Codes of the error's details. */
  readonly details: readonly string[];
  readonly says: string;
  /** "f" for a function that is replaced, "write x" for data that is written over, "new x" for what comes along. */
  readonly changes: readonly string[];
}

/** Letters of what the tool said, in an objection. */
const SAID = 1000;

/** "made", "refused (`data-kind`)" */
export function verdictText(verdict: Verdict): string {
  if (verdict === 'made') return 'made';
  return `refused (\`${verdict.detail ?? verdict.refused}\`)`;
}

/**
 * What is wrong with what was seen; undefined if it is as it should be.
 * @param expected of the fixture or of the subject
 */
export function objection(
  { verdict }: Pick<Kind, 'verdict'>,
  { says, changes }: Expected,
  seen: Seen,
): string | undefined {
  const refused = verdict === 'made' ? undefined : verdict.refused;
  if (seen.code !== refused) {
    const said = seen.says.slice(0, SAID);
    const did = seen.code === undefined ? `made (${seen.changes})` : `${seen.code}: ${said}`;
    return `it should be ${verdictText(verdict)}, and was ${did}`;
  }
  if (verdict !== 'made' && verdict.detail && !seen.details.includes(verdict.detail)) {
    return `refused as ${seen.details}, and not as ${verdict.detail}`;
  }
  if (says && !says.test(seen.says)) return `it does not say ${says}: ${seen.says}`;
  if (changes && changes.toSorted().join() !== seen.changes.toSorted().join()) {
    return `${seen.changes} changes, and not ${changes}`;
  }
  return undefined;
}
