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
      advice: expect.stringContaining('apt-get install gcc-12=12.2.0-14'),
    });
  });

  test('is clang for a kernel that clang built, and the advice names its packages', async () => {
    const built = 'Debian clang version 15.0.6';
    const same = fakeCompiler('clang', built);
    expect(await compilerProblem(built, [`LLVM=${path.dirname(same)}/`])).toBeUndefined();
    const other = fakeCompiler('clang-x', 'Debian clang version 14.0.6');
    expect(await compilerProblem(built, ['LLVM=1', `CC=${other}`])).toMatchObject({
      code: 'wrong-compiler',
      message: expect.stringContaining('14.0.6'),
      advice: expect.stringMatching(/apt-get install clang-15 lld-15 llvm-15\. .*LLVM=-15$/),
    });
    const llvm = `LLVM=${path.dirname(same)}/`;
    expect(await compilerProblem(COMPILER, [llvm])).toMatchObject({
      code: 'wrong-compiler',
      advice: `Take ${llvm} out of the confdir's flags.`,
    });
    expect(await compilerProblem(built, ['LLVM=-99'])).toMatchObject({
      advice: 'Install it: apt-get install clang-99 lld-99 llvm-99',
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
    ['Debian clang version 15.0.6', ['LLVM=1'], 'clang'],
    ['Debian clang version 15.0.6', ['LLVM=1', 'LLVM=-15'], 'clang-15'],
    ['Debian clang version 15.0.6', ['LLVM=/opt/bin/'], '/opt/bin/clang'],
    ['Debian clang version 15.0.6', ['LLVM=1', 'CC=clang-15'], 'clang-15'],
    [COMPILER, ['LLVM='], 'gcc-12'],
    ['gcc (GCC) 12.2.0', [], 'gcc'],
    ['; rm -rf / # gcc', [], 'gcc'],
    [COMPILER, ['CC=a', 'W=1', 'CC=b'], 'b'],
  ])('of %j with flags %j is %s', (text, flags, command) => {
    expect(compilerCommand(text, flags)).toBe(command);
  });
});
