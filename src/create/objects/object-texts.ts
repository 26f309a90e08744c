// The text that objects were made of, before the patch and with it, for those who have to look
// at the source itself. The work tree has the source without the patch.

import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, normalize, relative } from 'node:path';
import { mayAlign } from '../../layout/alignment.js';
import { type AnnotationChange, changedAnnotations } from '../../layout/annotations.js';
import type { SourceText } from '../../layout/code-text.js';
import type { Sources } from '../../layout/guard.js';
import { mayNest } from '../../layout/locals.js';
import { mayEnumerate } from '../../layout/wide-enums.js';
import type { PatchedFile } from '../change/patched-file.js';
import type { Kbuild } from '../tree/kbuild.js';
import type { PreObject } from '../values.js';
import type { OutsideUsers } from './outside-users.js';

/** With the updates below. */
function textBelow({ before, between = [] }: PatchedFile): string | undefined {
  return between.at(-1) ?? before;
}

/** By their paths, those that are there. */
type Texts = ReadonlyMap<string, SourceText | undefined>;

/** Reads each file once, whichever objects it is part of. */
export class ObjectTexts {
  private readonly known = new Map<string, SourceText | undefined>();
  private readonly before: Texts;
  private readonly after: Texts;
  private readonly newHeaders: readonly string[];
  private readonly mayAlign: boolean;
  private readonly mayEnumerate: boolean;
  private readonly mayNest: boolean;
  private readonly annotated: ReadonlyMap<string, readonly AnnotationChange[]>;

  /**
   * @param files that the patch changes
   * @param outside by findOutsideUsers()
   */
  constructor(
    private readonly kbuild: Pick<Kbuild, 'tree' | 'objects'>,
    files: readonly PatchedFile[],
    private readonly outside: OutsideUsers = new Map(),
  ) {
    const texts = (state: (file: PatchedFile) => string | undefined): Texts =>
      new Map(
        files.map((file) => {
          const [{ path }, text] = [file, state(file)];
          return [path, text === undefined ? undefined : { path, text }];
        }),
      );
    [this.before, this.after] = [texts(textBelow), texts(({ after }) => after)];
    // Nothing tells who includes them.
    const added = files.filter(({ kind, before }) => kind === 'included' && before === undefined);
    this.newHeaders = added.map(({ path }) => join(kbuild.tree, path));
    this.mayAlign = files.some((file) => mayAlign(textBelow(file), file.after));
    this.mayEnumerate = files.some((file) => mayEnumerate(textBelow(file), file.after));
    this.mayNest = files.some((file) => mayNest(textBelow(file), file.after));
    this.annotated = new Map(
      files.map((file) => [
        normalize(join(kbuild.tree, file.path)),
        changedAnnotations(textBelow(file), file.after),
      ]),
    );
  }

  /** All that the compiler read for an object. */
  of({ made }: Pick<PreObject, 'made'>): Sources {
    const paths = [...new Set([made.source, ...made.dependencies].map((path) => this.full(path)))];
    return {
      pre: () => this.read(paths, this.before),
      post: () => this.read([...paths, ...this.newHeaders], this.after),
      mayAlign: this.mayAlign,
      mayEnumerate: this.mayEnumerate,
      mayNest: this.mayNest,
      outside: this.outside,
      annotated: paths.flatMap((path) => this.annotated.get(path) ?? []),
    };
  }

  private read(paths: readonly string[], changed: Texts): SourceText[] {
    return paths.flatMap((path): SourceText[] => {
      const name = relative(this.kbuild.tree, path);
      const text = changed.has(name) ? changed.get(name) : this.unchanged(path, name);
      return text ? [text] : [];
    });
  }

  private unchanged(path: string, name: string): SourceText | undefined {
    if (!this.known.has(path)) {
      // kbuild names files that an option may bring.
      const text = existsSync(path) ? readFileSync(path, 'latin1') : undefined;
      const shown = name.startsWith('..') ? path : name;
      this.known.set(path, text === undefined ? undefined : { path: shown, text });
    }
    return this.known.get(path);
  }

  private full(path: string): string {
    return normalize(isAbsolute(path) ? path : join(this.kbuild.objects, path));
  }
}
