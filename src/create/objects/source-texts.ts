// The text that objects were made of, before the patch and with it, for those who have to look
// at the source itself. The work tree has the source without the patch.

import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, normalize, relative } from 'node:path';
import { mayAlign } from '../../layout/alignment.js';
import type { SourceText } from '../../layout/code-text.js';
import type { Sources } from '../../layout/guard.js';
import type { PatchedFile } from '../change/patched-file.js';
import type { Kbuild } from '../tree/kbuild.js';
import type { PreObject } from '../values.js';

/** With the updates below. */
function textBelow({ before, between = [] }: PatchedFile): string | undefined {
  return between.at(-1) ?? before;
}

/** Reads each file once, whichever objects it is part of. */
export class SourceTexts {
  private readonly known = new Map<string, SourceText | undefined>();
  private readonly files: ReadonlyMap<string, PatchedFile>;
  private readonly mayAlign: boolean;

  /** @param files that the patch changes */
  constructor(
    private readonly kbuild: Pick<Kbuild, 'tree' | 'objects'>,
    files: readonly PatchedFile[],
  ) {
    this.files = new Map(files.map((file) => [file.path, file]));
    this.mayAlign = files.some((file) => mayAlign(textBelow(file), file.after));
  }

  /** All that the compiler read for an object. */
  of({ made }: Pick<PreObject, 'made'>): Sources {
    const paths = [...new Set([made.source, ...made.dependencies].map((path) => this.full(path)))];
    return {
      pre: () => this.read(paths, textBelow),
      mayAlign: this.mayAlign,
      post: () => this.read([...paths, ...this.newHeaders()], ({ after }) => after),
    };
  }

  /** Nothing tells who includes them. */
  private newHeaders(): string[] {
    const all = [...this.files.values()];
    const added = all.filter(({ kind, before }) => kind === 'included' && before === undefined);
    return added.map(({ path }) => join(this.kbuild.tree, path));
  }

  private read(
    paths: readonly string[],
    state: (file: PatchedFile) => string | undefined,
  ): SourceText[] {
    return paths.flatMap((path): SourceText[] => {
      const name = relative(this.kbuild.tree, path);
      const file = this.files.get(name);
      if (!file) return this.unchanged(path, name);
      const text = state(file);
      return text === undefined ? [] : [{ path: name, text }];
    });
  }

  private unchanged(path: string, name: string): SourceText[] {
    if (!this.known.has(path)) {
      // kbuild names files that an option may bring.
      const text = existsSync(path) ? readFileSync(path, 'latin1') : undefined;
      this.known.set(
        path,
        text === undefined ? undefined : { path: name.startsWith('..') ? path : name, text },
      );
    }
    const known = this.known.get(path);
    return known ? [known] : [];
  }

  private full(path: string): string {
    return normalize(isAbsolute(path) ? path : join(this.kbuild.objects, path));
  }
}
