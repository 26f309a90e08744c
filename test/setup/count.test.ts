// The verdict of a whole run must not be better than the run: what is skipped, what
// did not load and what never ran counts as failed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const COUNT = join(import.meta.dirname, 'count.mjs');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'count-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes what vitest reports for a project: the statuses of its tests, file by file. */
function report(
  project: string,
  files: { name?: string; status: string; tests: string[] }[],
): void {
  const testResults = files.map(({ name, status, tests }, index) => ({
    name: name ?? `file${index}`,
    status,
    message: 'it did not load',
    assertionResults: tests.map((result) => ({ status: result, fullName: 'a test' })),
  }));
  writeFileSync(join(folder, `${project}.json`), JSON.stringify({ testResults }));
}

function verdict(...projects: string[]): { status: number | undefined; last: string | undefined } {
  const options = { reject: false };
  const { exitCode, stdout } = execaSync('node', [COUNT, folder, ...projects], options);
  return { status: exitCode, last: stdout.split('\n').at(-1) };
}

describe('the verdict', () => {
  it('passes when every check and every test passed', () => {
    writeFileSync(join(folder, 'lint.check'), 'passed\n');
    report('unit', [{ status: 'passed', tests: ['passed', 'passed'] }]);
    expect(verdict('unit')).toEqual({ status: 0, last: '3 passed, 0 failed' });
  });

  it.each(['failed', 'skipped', 'pending', 'todo'])('fails for a test that is %s', (status) => {
    report('unit', [{ status: 'passed', tests: ['passed', status] }]);
    expect(verdict('unit')).toEqual({ status: 1, last: '1 passed, 1 failed' });
  });

  it('fails for a check that failed', () => {
    writeFileSync(join(folder, 'lint.check'), 'failed\n');
    report('unit', [{ status: 'passed', tests: ['passed'] }]);
    expect(verdict('unit')).toEqual({ status: 1, last: '1 passed, 1 failed' });
  });

  it('fails for a file that did not load, or whose hook failed after its tests', () => {
    report('unit', [
      { status: 'failed', tests: [] },
      { status: 'failed', tests: ['passed'] },
    ]);
    expect(verdict('unit')).toEqual({ status: 1, last: '1 passed, 2 failed' });
  });

  it('fails for a project that left no report or ran no test', () => {
    report('unit', [{ status: 'passed', tests: ['passed'] }]);
    report('real', []);
    expect(verdict('unit', 'real', 'vm')).toEqual({ status: 1, last: '1 passed, 2 failed' });
  });

  it('fails if one of the projects that ran together has no file', () => {
    const file = (name: string) => ({ name, status: 'passed', tests: ['passed'] });
    report('real+vm', [file('/x/test/vm/a.test.ts')]);
    expect(verdict('real+vm')).toEqual({ status: 1, last: '1 passed, 1 failed' });
    report('real+vm', [file('/x/test/vm/a.test.ts'), file('/x/test/real/a.test.ts')]);
    expect(verdict('real+vm')).toEqual({ status: 0, last: '2 passed, 0 failed' });
  });
});
