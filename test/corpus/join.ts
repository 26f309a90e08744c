// Makes one patch of a file that does not compile alone and of the changed files that bring
// what it lacks. The compiler is asked again after each addition: first with the objects of
// the group's own .c files, then with all that its headers are part of.

import { readFileSync } from 'node:fs';
import { isAbsolute, join, normalize, relative } from 'node:path';
import { execa } from 'execa';
import { KspliceError } from '../../src/base/errors.js';
import type { Ui } from '../../src/base/ui.js';
import type { PatchedFile } from '../../src/create/change/patched-file.js';
import { loadPatch } from '../../src/create/change/source-patch.js';
import { chooseObjects, codeFiles } from '../../src/create/objects/choose-objects.js';
import { readsOneOf } from '../../src/create/objects/pre-objects.js';
import type { KbuildLists, KbuildObject } from '../../src/create/tree/kbuild-lists.js';
import type { Workspace } from '../../src/create/tree/workspace.js';
import type { CompiledObject, PreObject } from '../../src/create/values.js';
import { buildAllPre, orError, post } from './compile.js';
import {
  type ChangedNames,
  changedNames,
  complaintsIn,
  fileFor,
  filesFor,
  includedBy,
} from './groups.js';
import { type CorpusPatch, diffOf, writeGroup } from './patches.js';

/** More files are another version of the kernel, not a fix. */
const MOST_FILES = 12;

export interface JoinGround {
  /** The source trees. */
  readonly from: string;
  readonly to: string;
  /** By allChanged(). */
  readonly changed: ReadonlySet<string>;
  readonly patches: string;
  readonly workspace: Workspace;
  readonly lists: KbuildLists;
  /** Objects that one group may lead to. */
  readonly mostObjects: number;
  readonly ui: Ui;
}

/** A patch of several files that compiles, or the error that create would have thrown. */
export interface Joined {
  readonly kind: 'joined';
  readonly patch: CorpusPatch;
  readonly paths: readonly string[];
  readonly files: readonly PatchedFile[];
  readonly result: CompiledObject[] | KspliceError;
}

export interface NotJoined {
  readonly kind: 'not joined';
  readonly paths: readonly string[];
  readonly why: string;
}

type Paths = readonly [string, ...string[]];

/** @param paths with the file that does not compile alone first */
export async function joinFiles(paths: Paths, ground: JoinGround): Promise<Joined | NotJoined> {
  const { from, to, patches, workspace, ui } = ground;
  const patch = await writeGroup(paths, from, to, patches);
  const loaded = await orError(async () =>
    codeFiles(loadPatch(patch.file, workspace.source, ui), ui),
  );
  if (loaded instanceof KspliceError) {
    return { kind: 'joined', patch, paths, files: [], result: loaded };
  }
  const result = await compileGroup(patch, loaded, ground);
  if (result instanceof TooLarge) return { kind: 'not joined', paths, why: result.message };
  const isMissing = result instanceof KspliceError && result.code === 'compile-failed';
  if (!isMissing) return { kind: 'joined', patch, paths, files: loaded, result };
  const failures = failuresOf(result);
  const more = await filesThatHelp(failures, loaded, paths, ground);
  const first = failures.flatMap(({ lines }) => lines.filter((line) => /error: /.test(line)))[0];
  const said = first ?? result.message;
  if (more.length === 0)
    return { kind: 'not joined', paths, why: `no changed file helps: ${said}` };
  if (paths.length + more.length > MOST_FILES) {
    const why = `more than ${MOST_FILES} files: ${[...paths, ...more].join(', ')}`;
    return { kind: 'not joined', paths, why };
  }
  return joinFiles([...paths, ...more], ground);
}

/**
 * The group with the files that define what its new code calls: a header may have had the
 * prototype, so that the compiler missed nothing.
 * @param error `unresolved-symbol`
 * @returns undefined if no file does
 */
export async function withDefinitions(
  { paths }: Joined,
  error: KspliceError,
  ground: JoinGround,
): Promise<Paths | undefined> {
  const { problems } = error.details ?? {};
  const names = (problems ?? []).flatMap((one) => ('symbol' in one ? [`${one.symbol}`] : []));
  const sources = [...ground.changed].filter((path) => /\.[cS]$/.test(path));
  const more = new Set<string>();
  for (const name of names) {
    const args = ['-lw', name, ...sources];
    const { stdout } = await execa('grep', args, { cwd: ground.to, reject: false });
    const isFree = (path: string) => path !== '' && !paths.includes(path);
    const changed = await namesOf(stdout.split('\n').filter(isFree), ground, true);
    const found = fileFor({ places: paths, names: [name] }, changed, isFree);
    if (found !== undefined) more.add(found);
  }
  if (more.size === 0 || paths.length + more.size > MOST_FILES) return undefined;
  return [...paths, ...more] as readonly string[] as Paths;
}

class TooLarge {
  constructor(readonly message: string) {}
}

async function compileGroup(
  patch: CorpusPatch,
  files: readonly PatchedFile[],
  ground: JoinGround,
): Promise<CompiledObject[] | KspliceError | TooLarge> {
  const { workspace, lists, mostObjects, ui } = ground;
  const own: KbuildObject[] = [];
  for (const { kind, path } of files) {
    const object = kind === 'source' ? await lists.objectOf(path) : undefined;
    if (object) own.push(object);
  }
  // What was compiled for the file alone is there.
  const place = patch.place === patch.path ? patch.place : `${patch.place}/own`;
  const alone = await compile({ ...patch, place }, files, own, ground);
  if (alone instanceof KspliceError) return alone;
  const all = await orError(() => chooseObjects(files, workspace, ui, lists));
  if (all instanceof KspliceError) return all;
  if (all.length > mostObjects) return new TooLarge(`part of up to ${all.length} objects`);
  return compile({ ...patch, place: `${patch.place}/all` }, files, all, ground);
}

async function compile(
  patch: CorpusPatch,
  files: readonly PatchedFile[],
  objects: readonly KbuildObject[],
  { workspace, ui }: JoinGround,
): Promise<CompiledObject[] | KspliceError> {
  const built = [...(await buildAllPre([{ objects }], workspace, ui)).values()];
  const failed = built.find((object) => object instanceof KspliceError);
  if (failed) return failed;
  const pre = (built as PreObject[]).filter((one) => readsOneOf(one, files, workspace.kbuild.tree));
  return orError(() => post({ patch, files }, pre, workspace, ui));
}

/** What the compiler said of one object. */
interface Failure {
  readonly objects: readonly string[];
  readonly lines: readonly string[];
}

function failuresOf({ message, details }: KspliceError): Failure[] {
  const problems = (details?.problems ?? []) as readonly Partial<Failure>[];
  const told = problems.map(({ objects = [], lines = [] }) => ({ objects, lines }));
  return told.length > 0 ? told : [{ objects: [], lines: message.split('\n') }];
}

/** The files to join for what the compiler said of all objects. */
async function filesThatHelp(
  failures: readonly Failure[],
  files: readonly PatchedFile[],
  paths: Paths,
  ground: JoinGround,
): Promise<string[]> {
  const { changed } = ground;
  const more = new Set<string>();
  const isFree = (path: string) => changed.has(path) && !paths.includes(path);
  const named = files.flatMap(({ after = '' }) => includedBy(after, changed));
  for (const { objects, lines } of failures) {
    const read = objects.flatMap((object) => readFor(object, ground));
    const near = await namesOf([...new Set([...read, ...named])].filter(isFree), ground);
    for (const found of filesFor(complaintsIn(lines), near, isFree)) more.add(found);
  }
  return [...more];
}

/** What the compiler read for an object without the patch, as far as it is in the tree. */
function readFor(object: string, { workspace }: JoinGround): string[] {
  const { tree, objects } = workspace.kbuild;
  const stamp = readFileSync(join(workspace.area, 'pre', `${object}.deps`), 'utf8');
  const paths = stamp.split('\n').map((line) => line.slice(line.indexOf(' ') + 1));
  return paths
    .map((path) => normalize(isAbsolute(path) ? path : join(objects, path)))
    .filter((path) => path.startsWith(`${tree}/`))
    .map((path) => relative(tree, path));
}

async function namesOf(
  paths: readonly string[],
  { from, to }: JoinGround,
  outside = false,
): Promise<ChangedNames[]> {
  const names: ChangedNames[] = [];
  for (const path of paths) {
    const diff = await diffOf(path, from, to);
    names.push(changedNames(path, Buffer.from(diff).toString('latin1'), outside));
  }
  return names;
}
