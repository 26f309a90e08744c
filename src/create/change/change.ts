// Where the change of an update comes from: patches, files with an extension
// beside their originals, or a revision in git. What is made of each is the same.

import type { Ui } from '../../base/ui.js';
import type { Update } from '../../update/update.js';
import { describePatch } from './describe-patch.js';
import { filesWithExtension } from './diffext.js';
import { openGitChange } from './git.js';
import { Layers } from './layers.js';
import { joinPatches } from './parse-patch.js';
import { type PatchOptions, USUAL_PATCH_OPTIONS } from './patch-options.js';
import type { SourceChange } from './source-change.js';
import { applyPatches, readPatchFile } from './source-patch.js';
import { SourceTexts } from './texts.js';
import { unifiedDiff } from './unified-diff.js';

/** What the user asked for: one of the three ways (request.ts). */
export interface ChangeRequest {
  /** Source patches, in the order in which they are applied. */
  readonly patch?: string | readonly string[] | undefined;
  /** As patch(1) has them; for patches only. */
  readonly patchOptions?: PatchOptions | undefined;
  /** Files of this ending are the new versions of those without it. */
  readonly diffext?: string | undefined;
  /** A revision in the source's git repository that is to run. */
  readonly git?: string | undefined;
}

/**
 * Finds out what is to change. Nothing is written.
 * @param request by checkRequest()
 * @param source the user's tree
 * @param bases updates that are applied, the oldest first; for patches and git
 * @throws KspliceError `patch-failed`, `no-changes`, `io`
 */
export async function loadChange(
  request: ChangeRequest,
  source: string,
  bases: readonly Update[],
  ui: Ui,
): Promise<SourceChange> {
  const { patch, diffext, git } = request;
  if (git !== undefined) return await openGitChange(source, git, bases, ui);
  if (diffext !== undefined) {
    const files = filesWithExtension(source, diffext, ui);
    const description = files.map(({ path }) => path).join(', ');
    return { files, below: [], diff: unifiedDiff(files), words: '', description };
  }
  const patches = typeof patch === 'string' ? [patch] : (patch ?? []);
  const options = request.patchOptions ?? USUAL_PATCH_OPTIONS;
  const layers = new Layers(new SourceTexts(source), bases, ui);
  const files = applyPatches(patches, layers.running(), options, ui);
  const description = patches.map(describePatch).join('; ');
  // Taken back, a patch file says the opposite of what the update does.
  const words = options.reverse ? '' : joinPatches(patches.map(readPatchFile));
  const diff = options.reverse ? unifiedDiff(files) : words;
  return { files: layers.whole(files), below: layers.below(), diff, words, description };
}
