// A patch with one damaged line is either what git or patch(1) makes of it, or it is
// refused: never is a part of the change applied, and the rest lost without a word.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect, isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KspliceError } from '../../../src/base/errors.js';
import { silentUi } from '../../../src/base/ui.js';
import { USUAL_PATCH_OPTIONS } from '../../../src/create/change/patch-options.js';
import { applyPatches } from '../../../src/create/change/source-patch.js';
import { SourceTexts } from '../../../src/create/change/texts.js';
import { random } from '../../fuzz/damage.js';
import { LONG } from '../../support/long.js';

const body = (name: string, lines: number) =>
  Array.from({ length: lines }, (_, i) => `${name} line ${i + 1}`);
/** With this line, each hunk replaces one. */
const old = (hunk: number) => `old of hunk ${hunk};`;
const fresh = (hunk: number) => `\tnew of hunk ${hunk};`;

function source(name: string, hunks: readonly number[], change: (hunk: number) => string): string {
  const lines = body(name, 14 * hunks.length);
  hunks.forEach((hunk, i) => {
    lines[14 * i + 7] = change(hunk);
  });
  return `${lines.join('\n')}\n`;
}

type Tree = Readonly<Record<string, string>>;
/** Path → text, undefined for a file that is gone. */
type Changed = Readonly<Record<string, string | undefined>>;

interface Form {
  readonly before: Tree;
  readonly patch: string;
  /** What the whole patch makes. */
  readonly whole: Changed;
}

const HUNKS: Readonly<Record<string, readonly number[]>> = {
  'mm/pool.c': [1],
  'net/ring/ring.c': [2, 3],
  'include/linux/ring.h': [4, 5],
};
const tree = (change: (hunk: number) => string): Tree =>
  Object.fromEntries(
    Object.entries(HUNKS).map(([path, hunks]) => [path, source(path, hunks, change)]),
  );
const OLD: Tree = { ...tree(old), 'mm/gone.c': 'to go\n' };
const EDITED: Tree = { ...OLD, ...tree(fresh) };
const MOVED: Tree = {
  'mm/lake.c': EDITED['mm/pool.c']!,
  'net/ring/wheel.c': OLD['net/ring/ring.c']!,
  'include/linux/ring.h': EDITED['include/linux/ring.h']!,
  'net/ring/new.c': 'new\nfile\n',
  'net/ring/empty.h': '',
};

let area: string;
const forms = new Map<string, Form>();

beforeAll(() => {
  area = mkdtempSync(join(tmpdir(), 'ksplice-damaged-'));
  const diff = (after: Tree, program: string, ...args: string[]) => {
    writeTree('a', OLD);
    writeTree('b', after);
    return spawnSync(program, [...args, 'a', 'b'], { cwd: area, encoding: 'latin1' }).stdout;
  };
  const git = diff(EDITED, 'git', 'diff', '--no-index', '--no-prefix');
  const mail = `From 0123456789 Mon Sep 17 00:00:00 2001
From: A Person <a@example.org>
Subject: [PATCH] ring: mend

- what was wrong
+ what is better
---
 mm/pool.c | 2 +-

${git}-- 
2.39.5

`;
  const edited = { before: OLD, whole: between(OLD, EDITED) };
  forms.set('git diff', { ...edited, patch: git });
  forms.set('diff -Nurp', { ...edited, patch: diff(EDITED, 'diff', '-Nurp') });
  forms.set('git format-patch', { ...edited, patch: mail });
  const moves = { before: OLD, whole: between(OLD, MOVED) };
  const args = ['diff', '--no-index', '--no-prefix', '-M'];
  forms.set('git diff -M', { ...moves, patch: renamed(diff(MOVED, 'git', ...args)) });
});
afterAll(() => rmSync(area, { recursive: true, force: true }));

/** Outside of a repository, git puts the directories into the names that are moved. */
function renamed(patch: string): string {
  return patch.replace(/^((?:rename|copy) (?:from|to) )[ab]\//gm, '$1');
}

function writeTree(directory: string, files: Tree): void {
  rmSync(join(area, directory), { recursive: true, force: true });
  for (const [path, text] of Object.entries(files)) {
    const file = join(area, directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

function between(before: Tree, after: Tree): Changed {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const changed = paths.filter((path) => before[path] !== after[path]);
  return Object.fromEntries(changed.map((path) => [path, after[path]]));
}

/** What is made of a patch by ksplice-ts; undefined if it is refused. */
function ours({ before }: Form, patch: string): Changed | undefined {
  const file = join(area, 'p.patch');
  writeFileSync(file, patch, 'latin1');
  const texts = new SourceTexts('tree', {
    isFile: (path) => before[path] !== undefined,
    isDirectory: (path) => Object.keys(before).some((name) => name.startsWith(`${path}/`)),
    read: (path) => before[path],
  });
  try {
    const files = applyPatches([file], texts, USUAL_PATCH_OPTIONS, silentUi);
    const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    return Object.fromEntries(sorted.map(({ path, after }) => [path, after]));
  } catch (error) {
    if (error instanceof KspliceError && error.code === 'patch-failed') return undefined;
    throw error;
  }
}

/** The same by a program. */
function theirs(form: Form, patch: string, program: string, ...args: string[]) {
  writeTree('work', form.before);
  const place = join(area, 'work');
  const { status } = spawnSync(program, args, { cwd: place, input: Buffer.from(patch, 'latin1') });
  if (status !== 0) return undefined;
  const files = readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.orig'))
    .map((entry) => join(entry.parentPath, entry.name).slice(place.length + 1))
    .map((path) => [path, readFileSync(join(place, path), 'latin1')] as const);
  return between(form.before, Object.fromEntries(files));
}

/** Whether every file is changed in all places; its new text may be a damaged one. */
function isWhole({ whole }: Form, changed: Changed): boolean {
  const left = (text = '') => text.split('\n').filter((line) => line.startsWith('old of ')).length;
  return (
    Object.keys(changed).join() === Object.keys(whole).join() &&
    Object.keys(whole).every(
      (path) =>
        (changed[path] === undefined) === (whole[path] === undefined) &&
        left(changed[path]) === left(whole[path]),
    )
  );
}

/** Of all damaged forms one in so many, always the same ones; `npm run test:long` takes each. */
const ONE_IN = LONG ? 1 : 4;

function* someDamages(patch: string): Generator<readonly [string, string]> {
  const pick = random(1);
  for (const damage of damages(patch)) if (pick(ONE_IN) === 0) yield damage;
}

/** Every damaged form of a patch, with the damage in words. */
function* damages(patch: string): Generator<readonly [string, string]> {
  const lines = patch.split('\n');
  const without = (at: number, ...put: string[]) => lines.toSpliced(at, 1, ...put).join('\n');
  for (const [at, line] of lines.entries()) {
    if (at === lines.length - 1) continue;
    yield [`line ${at + 1} deleted: ${line}`, without(at)];
    yield [`line ${at + 1} twice: ${line}`, without(at, line, line)];
    const isBody = /^[ +-](?![-+]{2} )/.test(line);
    for (let i = 0; i < (isBody ? 2 : line.length); i++) {
      for (const put of isBody ? ['X', ' ', '@', '-', '+', ''] : ['X', '-', '7', '']) {
        if (line[i] === put) continue;
        const changed = `${line.slice(0, i)}${put}${line.slice(i + 1)}`;
        yield [`line ${at + 1}: ${line} → ${changed}`, without(at, changed)];
      }
    }
  }
}

describe.each(['git diff', 'diff -Nurp', 'git format-patch', 'git diff -M'])(
  'a patch made by %s',
  (name) => {
    it('applies', () => {
      const form = forms.get(name)!;
      expect(ours(form, form.patch)).toEqual(form.whole);
      expect(theirs(form, form.patch, 'git', 'apply', '-p1')).toEqual(form.whole);
    });

    it('with one damaged line is refused, or whole and as others read it', {
      timeout: 300_000,
    }, async () => {
      const form = forms.get(name)!;
      const wrong: string[] = [];
      const sameAsTheirs = new Set<string>();
      let [refused, taken] = [0, 0];
      for (const [what, patch] of someDamages(form.patch)) {
        // A minute of silence ends the test run.
        await new Promise(setImmediate);
        const changed = ours(form, patch);
        if (!changed) refused++;
        else if (!isWhole(form, changed)) wrong.push(`a part only: ${what}`);
        else taken++;
        const key = inspect(changed, { maxStringLength: null });
        if (!changed || sameAsTheirs.has(key)) continue;
        const others = [
          () => theirs(form, patch, 'git', 'apply', '-p1'),
          () => theirs(form, patch, 'patch', '-p1', '--batch', '--forward'),
        ];
        if (others.some((other) => isDeepStrictEqual(other(), changed))) sameAsTheirs.add(key);
        else wrong.push(`another change: ${what}`);
      }
      expect(wrong).toEqual([]);
      expect(Math.min(refused, taken)).toBeGreaterThan(50);
    });
  },
);
