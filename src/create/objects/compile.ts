// From the changed files to objects: the ones that they lead to, compiled
// without the change and with it.

import { join } from 'node:path';
import { refusedChange } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { count } from '../../base/words.js';
import type { PatchedFile } from '../change/patched-file.js';
import type { SourceChange } from '../change/source-change.js';
import type { Run } from '../invocation/scope.js';
import { KbuildLists } from '../tree/kbuild-lists.js';
import type { Workspace } from '../tree/workspace.js';
import type { ChosenObject, CompiledObject, Considered, PreObject } from '../values.js';
import { chooseObjects } from './choose-objects.js';
import { unreadFiles } from './left-out.js';
import { makeNewObjects } from './new-objects.js';
import { buildPostObjects } from './post-objects.js';
import { buildPreObjects, readsOneOf } from './pre-objects.js';
import type { WantedTargets } from './wanted-targets.js';

/**
 * Compiles the objects that a change may concern once more, with the change.
 * @param change with the files of the updates below, and those that earlier updates of a series changed
 * @throws KspliceError as buildPostObjects() and refuseStacked()
 */
export async function compilePost(
  work: Workspace,
  files: readonly PatchedFile[],
  pre: readonly PreObject[],
  { below, git }: Pick<SourceChange, 'below'> & { readonly git: SourceChange['git'] | undefined },
  { directory, ui }: Run,
): Promise<CompiledObject[]> {
  refuseStacked(pre, git?.stackedOn ?? [], work.kbuild.tree);
  const states: CompiledObject[][] = [];
  for (const [number, state] of below.entries()) {
    ui.stage(
      `compiling ${count(pre.length, 'object')} as update ${number + 1} of ${below.length} below has them`,
    );
    const place = join(directory.stage('1-pre'), `below-${number + 1}`);
    states.push(await buildPostObjects(work, state, pre, place, ui));
  }
  ui.stage(`compiling ${count(pre.length, 'object')} with the patch`);
  const built = await buildPostObjects(work, files, pre, directory.stage('2-post'), ui);
  const objects = built.map((object, index) => ({
    ...object,
    below: states.map((state) => state[index]!.post),
  }));
  directory.keep('1-pre', 'objects.json', objects);
  directory.lap('post objects');
  return objects;
}

/** What may change, compiled without the change. */
export interface PreObjects {
  /** Those for which the compiler read a changed file. */
  readonly pre: readonly PreObject[];
  readonly considered: readonly Considered[];
  /** What the change does not reach, as the user was told. */
  readonly notes: readonly string[];
}

/**
 * Compiles what the change may concern, without the change.
 * @param change its files of code, and its build rules
 * @throws KspliceError as chooseObjects() and buildPreObjects()
 */
export async function compilePre(
  work: Workspace,
  {
    files,
    rules,
  }: { readonly files: readonly PatchedFile[]; readonly rules: readonly PatchedFile[] },
  wanted: WantedTargets,
  { directory, ui: shown }: Run,
): Promise<PreObjects> {
  const notes: string[] = [];
  const ui = noting(shown, notes);
  const lists = new KbuildLists(work.kbuild, ui);
  const added = await makeNewObjects(files, rules, work, lists, ui);
  const chosen = await chooseObjects(files, work, ui, lists, wanted, added);
  const isAdded = ({ name }: ChosenObject) => added.some((object) => object.name === name);
  ui.stage(`compiling ${count(chosen.length, 'object')} without the patch`);
  const old = chosen.filter((object) => !isAdded(object));
  const built = [
    ...(await buildPreObjects(work.kbuild, old, join(work.area, 'pre'), ui)),
    ...added.filter(({ name }) => chosen.some((object) => object.name === name)),
  ];
  directory.lap('pre objects');
  const objects = built.map((object) => wanted.narrow(object));
  const pre = objects.filter((object) => readsOneOf(object, files, work.kbuild.tree));
  const considered = objects.map((object) => ({
    object: object.name,
    targets: object.owners,
    reason: object.reason,
    isRead: pre.includes(object),
  }));
  for (const { object, targets, reason, isRead } of considered) {
    ui.detail(
      `${object} (${targets.join(', ')}): ${reason}${isRead ? '' : ', but not as configured'}`,
    );
  }
  for (const line of unreadFiles(files, built, work.kbuild, wanted.isAll)) ui.warn(line);
  return { pre, considered, notes };
}

/** The same, but warnings are kept as well. */
function noting(ui: Ui, notes: string[]): Ui {
  const warn = (text: string) => {
    notes.push(text);
    ui.warn(text);
  };
  return { ...ui, warn };
}

/**
 * The objects of the commit that runs are only those of the kernel that was
 * booted where no earlier update had a part in them: functions that it replaced
 * are not in the kernel as this source has them, and would not match.
 * @param stackedOn files that earlier updates changed
 * @throws KspliceError `refused-change` naming the objects
 */
function refuseStacked(
  objects: readonly PreObject[],
  stackedOn: readonly string[],
  tree: string,
): void {
  const files = stackedOn.map((path) => ({ path }));
  const stacked = objects.filter((object) => readsOneOf(object, files, tree));
  if (stacked.length === 0) return;
  const names = stacked.map(({ name }) => name);
  throw refusedChange(
    names.map((object) => ({
      code: 'stacked-object',
      object,
      symbol: '',
      message: `an earlier update of the series changed ${object}: an update of the same object must be made on top of it`,
      advice:
        'Give all updates of the series that are applied: --on ksplice-ID.tar.gz. Or undo them, and make one update of all changes: git update-ref refs/ksplice/pre refs/ksplice/booted, then create again. After a reboot set both refs to the commit that was booted.',
    })),
  );
}
