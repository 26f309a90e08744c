import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { main } from '../../src/cli/main.js';
import { USUAL_PATCH_OPTIONS } from '../../src/create/change/patch-options.js';
import { applyPatches } from '../../src/create/change/source-patch.js';
import { SourceTexts } from '../../src/create/change/texts.js';
import { isNotNeeded } from '../../src/create/set/create-set.js';
import { confdirsIn, updateIdFor } from '../../src/create/set/request.js';
import { withDirectory } from '../update/sample.js';

async function run(...argv: string[]): Promise<{ status: number; text: string }> {
  let text = '';
  const stream = { write: (more: string) => (text += more) };
  const status = await main(['create', ...argv], { stdout: stream, stderr: stream }, {});
  return { status, text };
}

describe('create for several kernels', () => {
  const both = ['--config', 'a', '--config', 'b'];
  const patch = [...both, '--patch', 'x.patch'];
  it.each([
    [both, /several kernels need --patch/],
    [[...both, '--git', 'fix'], /several kernels need --patch/],
    [[...patch, 'tree'], /a source tree is for one kernel/],
    [[...patch, '--image', 'x'], /--image is for one kernel/],
    [[...patch, '--on', 'x'], /--on is for one kernel/],
    [[...patch, '--series'], /--series is for one kernel/],
    [[...patch, '--prebuild'], /--prebuild is for one kernel/],
    [[...patch, '--id', 'abcdefghijkl'], /cannot be the id of a set/],
    [['--configs', '/nonexistent', '--patch', 'x'], /has no configuration directories/],
    [['--patch', 'x'], /missing required argument: config/],
  ])('refuses %j', async (argv, message) => {
    const { status, text } = await run(...argv);
    expect(text).toMatch(message);
    expect(status).toBe(2);
  });

  it('says why no kernel got an update, and leaves nothing', () =>
    withDirectory(async (where) => {
      const words = ['--config', 'no1', '--config', 'no2', '--patch', 'x', '--output', where];
      const { status, text } = await run(...words);
      expect(status).toBe(1);
      expect(text).toContain('no kernel got an update: 2 problems (nothing-made)');
      expect(text).toContain('no1: no1 is no configuration directory');
      expect(text).toContain('no2: no2 is no configuration directory');
      expect(readdirSync(where)).toEqual([]);
    }));

  it('writes over no other set', () =>
    withDirectory(async (where) => {
      mkdirSync(path.join(where, 'ksplice-set-s1'));
      const words = [...patch, '--output', where, '--id', 's1'];
      const { status, text } = await run(...words);
      expect(text).toContain('ksplice-set-s1 is there already');
      expect(status).toBe(2);
    }));

  it('finds the configuration directories in another one', () =>
    withDirectory(async (where) => {
      for (const name of ['b', 'a', 'other']) mkdirSync(path.join(where, name));
      for (const name of ['b', 'a']) writeFileSync(path.join(where, name, '.config'), '');
      expect(confdirsIn(where)).toEqual([path.join(where, 'a'), path.join(where, 'b')]);
    }));

  it('gives each build an id of its own, the same each time', () => {
    const builds = Array.from({ length: 500 }, (_, at) => at.toString(16).padStart(40, '0'));
    const ids = builds.map((build) => updateIdFor('abcdefghijk', build));
    expect(new Set(ids).size).toBe(builds.length);
    for (const id of ids) expect(id).toMatch(/^abcdefghijk[a-z0-9]{5}$/);
    expect(builds.map((build) => updateIdFor('abcdefghijk', build))).toEqual(ids);
  });
});

describe('a kernel that needs nothing', () => {
  const one = { patch: ['x.patch'] };
  it('is one of which no running code changes', () => {
    for (const code of ['no-changes', 'not-in-kernel'] as const) {
      expect(isNotNeeded(new KspliceError(code, 'x'), one)).toBe(true);
    }
    expect(isNotNeeded(new KspliceError('refused-change', 'x'), one)).toBe(false);
    expect(isNotNeeded(new KspliceError('patch-failed', 'x'), one)).toBe(false);
  });

  const part = (file: string) =>
    `--- a/${file}\n+++ b/${file}\n@@ -1,3 +1,3 @@\n a\n-old\n+new\n c\n@@ -11,3 +11,3 @@\n k\n-old\n+new\n m\n`;
  const text = (first: string, second: string) =>
    `a\n${first}\nc\nd\ne\nf\ng\nh\ni\nj\nk\n${second}\nm\n`;

  it.each([
    ['both files have all of it', text('new', 'new'), text('new', 'new'), true],
    ['one file has it in part', text('new', 'new'), text('new', 'old'), false],
    ['one file does not have it', text('new', 'new'), text('old', 'old'), false],
    [
      'one file has it in another place',
      text('new', 'new'),
      text('new', 'new').replace('a\nnew\nc', 'x\nnew\ny'),
      false,
    ],
    ['one file is another', text('new', 'new'), text('new', 'else'), false],
  ])('is one whose source has the whole patch: %s', (_what, x, y, expected) =>
    withDirectory(async (where) => {
      for (const place of ['net', 'init']) mkdirSync(path.join(where, place));
      writeFileSync(path.join(where, 'init/main.c'), '');
      writeFileSync(path.join(where, 'net/x.c'), x);
      writeFileSync(path.join(where, 'net/y.c'), y);
      const file = path.join(where, 'x.patch');
      writeFileSync(file, part('net/x.c') + part('net/y.c'));
      let error: unknown;
      try {
        applyPatches([file], new SourceTexts(where), USUAL_PATCH_OPTIONS, silentUi);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ code: 'patch-failed' });
      expect(isNotNeeded(error as KspliceError, one)).toBe(expected);
      // Of a second patch nothing is known then.
      expect(isNotNeeded(error as KspliceError, { patch: [file, file] })).toBe(false);
    }),
  );
});
