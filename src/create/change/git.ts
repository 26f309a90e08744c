// A change between two commits of the source's git repository. The user's work
// tree and index are neither looked at nor touched: the running kernel was built
// from a commit, and other content of the work tree is not in it.
//
// refs/ksplice/pre names the commit that runs, as it did for ksplice. Once a
// series has moved it, refs/ksplice/booted still names the commit that was booted:
// running code is matched with objects that were compiled from that commit.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { cacheDirectory } from '../../base/cache.js';
import { KspliceError, refusedChange } from '../../base/errors.js';
import { takeLock } from '../../base/lock.js';
import { inParallel } from '../../base/parallel.js';
import type { Ui } from '../../base/ui.js';
import type { Update } from '../../update/update.js';
import type { UndoStack } from '../invocation/undo-stack.js';
import { layersOn } from './commit-layers.js';
import { GitRepository, type ListedChange } from './git-repository.js';
import { kindOf, type PatchedFile } from './patched-file.js';
import type { GitChange, SourceChange } from './source-change.js';
import { unifiedDiff } from './unified-diff.js';

const PRE = 'refs/ksplice/pre';
const BOOTED = 'refs/ksplice/booted';
const FILES_AT_A_TIME = 4;

/**
 * @param source the top of a git work tree
 * @param revision what is to run, in any of git's notations
 * @param bases updates that are applied, the oldest first: what runs is the commit that was
 *   booted with their patches
 * @throws KspliceError `no-source` if there is no repository, or no commit in it;
 *   `usage` if it has no such revision; `no-changes` if that is what runs; `patch-failed`,
 *   `refused-change` if the bases are not what makes the commit that runs
 */
export async function openGitChange(
  source: string,
  revision: string,
  bases: readonly Update[],
  ui: Ui,
): Promise<SourceChange & { git: GitChange }> {
  const repository = await GitRepository.open(source, ui.signal);
  const remembered = await repository.commit(PRE);
  const base = remembered ?? (await repository.commit('HEAD'));
  const booted = await repository.commit(BOOTED);
  const target = await repository.commit(revision);
  if (base === undefined) {
    throw new KspliceError('no-source', `${source} is a git repository without a commit`);
  }
  if (target === undefined) {
    throw new KspliceError('usage', `--git: ${source} has no commit "${revision}"`, {
      advice: 'Give a commit, branch or tag of that repository.',
    });
  }
  const because = remembered ? PRE : `HEAD, for there is no ${PRE} yet`;
  ui.info(
    `the running commit is ${short(base)} (${because}); the update leads to ${short(target)}`,
  );
  const range: Range = { booted: booted ?? base, base, target };
  const change =
    bases.length > 0
      ? await stackedChange(repository, range, bases, ui)
      : await plainChange(repository, range, ui);
  if (change.diff === '') {
    throw new KspliceError('no-changes', `the source of ${revision} is already running`, {
      advice: `The running commit is taken from ${because}. If that is wrong: git update-ref ${PRE} COMMIT`,
    });
  }
  const tree = bases.length > 0 ? range.booted : base;
  return {
    ...change,
    words: await repository.messages(base, target),
    description: await repository.subject(target),
    git: {
      stackedOn: bases.length > 0 ? [] : await changedPaths(repository, range.booted, base),
      checkOut: (undo, running) => checkOut(repository, tree, undo, running),
      remember: async (series, running) => {
        if (booted === undefined) await remember(repository, BOOTED, undefined, base, running);
        await remember(repository, PRE, remembered, series ? target : base, running);
      },
    },
  };
}

/**
 * Three commits: the booted one, the one that runs since the last update of a series, and the one
 * that is to run.
 */
interface Range {
  readonly booted: string;
  readonly base: string;
  readonly target: string;
}

type CommitChange = Pick<SourceChange, 'files' | 'below' | 'diff'>;

async function plainChange(
  repository: GitRepository,
  { base, target }: Range,
  ui: Ui,
): Promise<CommitChange> {
  const files = await changedFiles(repository, base, target, ui);
  const diff = files.length > 0 ? await repository.diff(base, target) : '';
  return { files, below: [], diff };
}

/** From the commit that was booted, with the patches of applied updates, to the one that is to run. */
async function stackedChange(
  repository: GitRepository,
  { booted, base, target }: Range,
  bases: readonly Update[],
  ui: Ui,
): Promise<CommitChange> {
  const layers = await layersOn(repository, booted, bases, ui);
  const running = layers.changed();
  if (base !== booted) {
    const other = differing(running, await changedFiles(repository, booted, base, ui));
    if (other.length > 0) throw otherSeries(other.map(({ path }) => path));
  }
  const changed = differing(running, await changedFiles(repository, booted, target, ui));
  return {
    files: layers.whole(changed),
    below: layers.below(),
    diff: unifiedDiff(changed),
  };
}

/**
 * The changes that lead from one source to another; both are known by what they change in a third.
 */
function differing(from: readonly PatchedFile[], to: readonly PatchedFile[]): PatchedFile[] {
  const before = new Map(from.map((file) => [file.path, file.after]));
  const after = new Map(to.map((file) => [file.path, file.after]));
  const all = new Map([...from, ...to].map((file) => [file.path, file]));
  return [...all.values()]
    .map((file) => ({
      ...file,
      before: before.has(file.path) ? before.get(file.path) : file.before,
      after: after.has(file.path) ? after.get(file.path) : file.before,
    }))
    .filter((file) => file.before !== file.after);
}

function otherSeries(paths: readonly string[]): KspliceError {
  const object = paths.join(', ');
  const refusal = {
    code: 'other-series',
    object,
    symbol: '',
    message: `the commit that was booted, with the updates given with --on, is not equal to the commit of ${PRE}: ${object}`,
    advice: `Give all updates of the series, or, if they are not applied any more: git update-ref ${PRE} ${BOOTED}`,
    files: paths,
  } as const;
  return refusedChange([refusal]);
}

async function changedPaths(repository: GitRepository, from: string, to: string) {
  return (await repository.changes(from, to)).map(({ path }) => path);
}

function short(commit: string): string {
  return commit.slice(0, 12);
}

async function changedFiles(
  repository: GitRepository,
  base: string,
  target: string,
  ui: Ui,
): Promise<PatchedFile[]> {
  const listed = await repository.changes(base, target);
  const texts = listed.filter(({ path, isText }) => {
    if (!isText) ui.warn(`${path}: links and submodules are left out`);
    return isText;
  });
  const toFile = async ({ path, before, after }: ListedChange) => ({
    path,
    kind: kindOf(path),
    before: before && (await repository.text(before)),
    after: after && (await repository.text(after)),
  });
  const files = await inParallel(texts, FILES_AT_A_TIME, toFile);
  // A change of mode alone changes no code.
  return files.filter(({ before, after }) => before !== after);
}

async function checkOut(
  repository: GitRepository,
  commit: string,
  undo: UndoStack,
  ui: Ui,
): Promise<string> {
  const place = realpathSync(repository.top);
  const name = basename(place).replace(/[^\w.-]/g, '_');
  const hash = createHash('sha256').update(place).digest('hex').slice(0, 12);
  const area = resolve(cacheDirectory(), 'git', `${name}-${hash}`);
  const [tree, index, done] = [join(area, name), join(area, 'index'), join(area, 'commit')];
  mkdirSync(area, { recursive: true });
  undo.push('the lock', await takeLock(join(area, 'lock'), ui));
  if (existsSync(done) && readFileSync(done, 'utf8') === commit) return tree;
  ui.stage(`getting the source of ${short(commit)} from git`);
  if (!existsSync(done)) {
    // The first time, or a run that was killed: it may have left anything.
    for (const path of [tree, index, `${index}.lock`])
      rmSync(path, { recursive: true, force: true });
  }
  rmSync(done, { force: true });
  mkdirSync(tree, { recursive: true });
  await repository.checkOut(commit, tree, index);
  writeFileSync(done, commit);
  return tree;
}

async function remember(
  repository: GitRepository,
  ref: string,
  before: string | undefined,
  commit: string,
  ui: Ui,
): Promise<void> {
  if (commit === before) return;
  const problem = await repository.moveRef(ref, commit, before);
  if (problem === undefined) {
    ui.info(`${ref} is ${short(commit)} now`);
    return;
  }
  ui.warn(
    `${ref} could not be set (${problem}); set it before the next update: git update-ref ${ref} ${commit}`,
  );
}
