// What the corpus run counts, and what it takes for one patch: figures that
// nobody would check by hand.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KspliceError, type RefusalCode, refusedChange } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { loadPatch } from '../../src/create/change/source-patch.js';
import { changedFiles, spread, writePatch } from './patches.js';
import { judgeError, newRow, type Row, sum, type Verdict } from './rows.js';
import { markdown } from './table.js';

describe('the patches', () => {
  let folder: string;
  const put = (tree: string, path: string, text: string) => {
    const file = join(folder, tree, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, 'latin1');
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ksplice-corpus-'));
    for (const path of ['mm/a.c', 'mm/b.h', 'mm/sub/c.c', 'net/d.c', 'tools/e.c', 'fs/f.c']) {
      put('from', path, 'int a;\nint b;\n');
      put('to', path, path === 'fs/f.c' ? 'int a;\nint b;\n' : 'int a;\n/* J\xf6rg */\nint c;');
    }
    put('to', 'mm/new.c', 'int n;\n');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const changed = (...globs: string[]) =>
    changedFiles(join(folder, 'from'), join(folder, 'to'), globs);

  it('are the C files of the kernel that both trees have and that differ', async () => {
    expect(await changed()).toEqual(['mm/a.c', 'mm/sub/c.c', 'net/d.c']);
    expect(await changed('mm', 'net/x*')).toEqual(['mm/a.c', 'mm/sub/c.c']);
    expect(await changed('*/d.c')).toEqual(['net/d.c']);
    expect(await changed('mm/a.c', 'mm')).toEqual(['mm/a.c', 'mm/sub/c.c']);
  });

  it('make the newer file of the older one, byte by byte', async () => {
    const trees = [join(folder, 'from'), join(folder, 'to')] as const;
    const { file } = await writePatch('mm/a.c', ...trees, join(folder, 'patches'));
    const [patched] = loadPatch(file, trees[0], silentUi);
    expect(patched?.after).toBe(readFileSync(join(trees[1], 'mm/a.c'), 'latin1'));
  });

  it('are taken from everywhere, however early the run ends', () => {
    for (const count of [0, 1, 2, 7, 100, 659]) {
      const list = Array.from({ length: count }, (_, index) => index);
      const order = spread(list);
      expect(order.toSorted((a, b) => a - b)).toEqual(list);
      // Of each third of the list, a share that is not far from a third.
      for (let taken = 12; taken <= count; taken++) {
        const first = order.slice(0, taken).filter((index) => index < count / 3).length;
        expect(Math.abs(first / taken - 1 / 3)).toBeLessThan(0.15);
      }
    }
  });
});

describe('the verdicts', () => {
  const judged = (error: unknown): Row => {
    const row = newRow('a.c', 'updated');
    judgeError(row, error);
    return row;
  };

  it('tell a refusal, with its reasons, from a failure', () => {
    const refusal = (code: RefusalCode) => ({
      code,
      object: 'a.o',
      symbol: '',
      message: '',
      advice: '',
    });
    const codes = ['data-changed', 'unknown-section', 'data-changed'] as const;
    const refused = judged(refusedChange(codes.map(refusal)));
    expect(refused).toMatchObject({ verdict: 'refused', code: 'data-changed, unknown-section' });
    const outside = refusedChange([refusal('not-kernel-code')]);
    expect(judged(outside).verdict).toBe('outside');
    const verdicts: [KspliceError['code'], Verdict][] = [
      ['no-changes', 'unchanged'],
      ['not-in-kernel', 'outside'],
      ['compile-failed', 'uncompilable'],
      ['unresolved-symbol', 'failed'],
      ['not-proved', 'failed'],
      ['bad-elf', 'failed'],
      // Of objects that cannot be made without the patch.
      ['command-failed', 'failed'],
    ];
    for (const [code, verdict] of verdicts) {
      expect(judged(new KspliceError(code, 'why'))).toMatchObject({ verdict, code });
    }
    expect(judged(new TypeError('oops'))).toMatchObject({ verdict: 'failed', code: 'exception' });
  });

  it('do not include that of a user who stopped the run', () => {
    const stopped = new KspliceError('interrupted', 'stopped');
    expect(() => judged(stopped)).toThrow(stopped);
  });

  it('are summed up over the patches that change running code', () => {
    const verdicts: Verdict[] = ['updated', 'updated', 'refused', 'failed', 'outside', 'unchanged'];
    const rows = verdicts.map((verdict, index) => newRow(`${index}.c`, verdict));
    Object.assign(rows[0]!, { proved: true, applied: 'clean' });
    Object.assign(rows[1]!, { proved: false });
    const sums = sum(rows);
    expect(sums).toMatchObject({ changing: 4, proved: 1, notProved: 1, applied: { clean: 1 } });
    const about = { from: '1', to: '2', release: 'r', paths: [], found: 9, seconds: 60 };
    const text = markdown({ rows, groups: [], notJoined: [] }, about);
    expect(text).toContain('| → updated: the old code was found in the image | 2 (50.0 %) |');
    expect(text).toContain('9 differ, 6 of them were run');
    expect(text).toContain('| built and proved by `check` | 1 of 2 |');
    expect(text).not.toContain('Groups of files');
  });

  it('of groups are summed up by themselves', () => {
    const files = ['net/a.c', 'net/a.h'];
    const groups = [{ ...newRow('net/a.c and 1 more', 'updated'), files }];
    const notJoined = [{ kind: 'not joined' as const, paths: ['net/b.c'], why: 'no | file' }];
    const about = { from: '1', to: '2', release: 'r', paths: [], found: 9, seconds: 60 };
    const text = markdown({ rows: [newRow('net/a.c', 'uncompilable')], groups, notJoined }, about);
    const [singles = '', own = ''] = text.split('## Groups of files: 1');
    expect(singles).toContain('| **change running code** | **0** |');
    expect(own).toContain('| **change running code** | **1** |');
    expect(own).toContain('### Updated: 1');
    expect(own).toContain('- `net/a.c`, `net/a.h`');
    expect(own).toContain('| `net/b.c` | no \\| file |');
  });
});
