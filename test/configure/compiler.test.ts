import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { compilerCommand, compilerProblem } from '../../src/configure/compiler.js';
import { COMPILER } from './trees.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A command that says it is some compiler. */
function fakeCompiler(name: string, version: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\necho '${version}'\necho 'Copyright'\n`);
  chmodSync(file, 0o755);
  return file;
}

describe('the compiler', () => {
  test('may be called by another name, but must be the same version', async () => {
    const same = fakeCompiler('cc-same', 'some-gcc (Debian 12.2.0-14) 12.2.0');
    expect(await compilerProblem(COMPILER, [`CC=${same}`])).toBeUndefined();
    const other = fakeCompiler('cc-other', 'gcc-12 (Debian 12.2.0-13) 12.2.0');
    expect(await compilerProblem(COMPILER, [`CC=${other}`])).toMatchObject({
      code: 'wrong-compiler',
      message: expect.stringContaining('12.2.0-13'),
      advice: expect.stringContaining('=12.2.0-14'),
    });
  });

  test('has to be there', async () => {
    const missing = path.join(folder, 'gcc-absent');
    expect(await compilerProblem(COMPILER, [`CC=${missing}`])).toMatchObject({
      code: 'wrong-compiler',
      message: expect.stringContaining('not installed'),
    });
  });

  test.each([
    [COMPILER, [], 'gcc-12'],
    ['x86_64-linux-gnu-gcc-13 (Debian 13.2.0-1) 13.2.0', [], 'x86_64-linux-gnu-gcc-13'],
    ['Debian clang version 15.0.6', [], 'clang'],
    ['gcc (GCC) 12.2.0', [], 'gcc'],
    ['; rm -rf / # gcc', [], 'gcc'],
    [COMPILER, ['CC=a', 'W=1', 'CC=b'], 'b'],
  ])('of %j with flags %j is %s', (text, flags, command) => {
    expect(compilerCommand(text, flags)).toBe(command);
  });
});
