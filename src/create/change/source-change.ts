// A change of the source, whether it came as patches, as files with an extension, or as a revision.

import type { Ui } from '../../base/ui.js';
import type { UndoStack } from '../invocation/undo-stack.js';
import type { PatchedFile } from './patched-file.js';

/** A change of the source, wherever it came from. */
export interface SourceChange {
  readonly files: readonly PatchedFile[];
  /** The update's `patch`: bytes, one a character. */
  readonly diff: string;
  /** What its authors say of it: mails, or commit messages; a diff may stand between them. */
  readonly words: string;
  /** A line for a person. */
  readonly description: string;
  /** Files as each of the updates below has them, the oldest first; `files` has all since the boot. */
  readonly below: readonly (readonly PatchedFile[])[];
  /** Set if the code that runs is a commit's, not what lies in the source tree. */
  readonly git?: GitChange;
}

/** What is to be done with the repository once the change is known. */
export interface GitChange {
  /** Files that earlier updates of a series have changed since the kernel was booted. */
  readonly stackedOn: readonly string[];
  /**
   * Brings the tree of the commit that runs into the cache.
   * @param undo gets what must be done when the run ends
   * @returns the directory
   */
  checkOut(undo: UndoStack, ui: Ui): Promise<string>;
  /**
   * To be called when the update is made.
   * @param series the next change is to start from this one's end
   */
  remember(series: boolean, ui: Ui): Promise<void>;
}
