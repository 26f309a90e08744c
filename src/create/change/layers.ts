// The source with the patches of updates that are applied, one layer each: the
// change of the next update starts from this source.

import type { Ui } from '../../base/ui.js';
import type { Update } from '../../update/update.js';
import { USUAL_PATCH_OPTIONS } from './patch-options.js';
import type { PatchedFile } from './patched-file.js';
import { applyPatch } from './source-patch.js';
import type { SourceTexts } from './texts.js';

type Text = string | undefined;

/** Texts of files after each update, for all files that any of them changes. */
export class Layers {
  private readonly states: ReadonlyMap<string, PatchedFile>[] = [];

  /**
   * @param texts the source as it was booted
   * @throws KspliceError `patch-failed` if a patch does not fit that source
   */
  constructor(
    private readonly texts: SourceTexts,
    updates: readonly Update[],
    ui: Ui,
  ) {
    for (const { id, patch } of updates) {
      applyPatch(`the patch of update ${id}`, patch, this.texts, USUAL_PATCH_OPTIONS, ui);
      this.states.push(new Map(this.texts.changes().map((file) => [file.path, file])));
    }
  }

  /** The source that runs, to apply a change to. */
  running(): SourceTexts {
    this.texts.mark();
    return this.texts;
  }

  /** The files that updates have changed, with their texts as they were booted and as they run. */
  changed(): PatchedFile[] {
    const paths = new Set(this.states.flatMap((state) => [...state.keys()]));
    return [...paths].map((path) => {
      const file = this.states.find((state) => state.has(path))!.get(path)!;
      const last = this.states.at(-1)!.get(path);
      return { ...file, after: last ? last.after : file.before };
    });
  }

  /** What each update's source has that was booted had not. */
  below(): PatchedFile[][] {
    return this.states.map((state, number) =>
      [...state.values()].map((file) => this.withBetween(file, number)),
    );
  }

  /**
   * The difference between what was booted and what is to run; files in which
   * there is none are among them if an update below has a part in them.
   * @param changed from what runs to what is to run
   */
  whole(changed: readonly PatchedFile[]): PatchedFile[] {
    const paths = new Map(changed.map((file) => [file.path, file]));
    for (const state of this.states)
      for (const [path, file] of state) if (!paths.has(path)) paths.set(path, file);
    const last = this.states.length;
    return [...paths.values()].map((file) => {
      const after = this.afterAll(file, changed);
      return this.withBetween({ ...file, before: this.booted(file), after }, last);
    });
  }

  private afterAll(file: PatchedFile, changed: readonly PatchedFile[]): Text {
    const own = changed.find(({ path }) => path === file.path);
    if (own) return own.after;
    const state = this.states.at(-1)?.get(file.path);
    return state ? state.after : this.booted(file);
  }

  private booted(file: PatchedFile): Text {
    for (const state of this.states) {
      const known = state.get(file.path);
      if (known) return known.before;
    }
    return file.before;
  }

  private withBetween(file: PatchedFile, states: number): PatchedFile {
    const between: string[] = [];
    for (const state of this.states.slice(0, states)) {
      const text = state.get(file.path)?.after;
      if (text !== undefined) between.push(text);
    }
    return { ...file, between };
  }
}
