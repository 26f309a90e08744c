import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { differingHeaders, flavourProblem, kernelHeaders } from '../../src/configure/flavour.js';
import { readHeaders } from '../../src/configure/headers.js';
import { readSource } from '../../src/configure/kernel-source.js';
import { configText, headersTree, NEEDED, sourceTree, writeTree } from './trees.js';

const FILES = {
  'include/linux/kernel.h': '/* kernel */\n',
  'include/linux/console.h': 'int lines;\n',
  'include/linux/sched/task.h': 'struct task { int pid; };\n',
  'arch/x86/include/asm/preempt.h': '#define LAZY 0\n',
};
/** What patches of a flavour do: the same length, too. */
const PATCHED = {
  'include/linux/sched/task.h': 'struct task { int tid; };\n',
  'arch/x86/include/asm/preempt.h': '#define LAZY 1\n',
};

let folder: string;
const at = (name: string) => path.join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Headers in two directories, as Debian ships them, with these options. */
function headersOf(files: Record<string, string>, ...options: string[]) {
  writeTree(at('headers-common'), { Makefile: '', ...files });
  return readHeaders(
    headersTree(at('headers'), {
      Makefile: `include ${at('headers-common')}/Makefile\n`,
      '.config': configText(...NEEDED, ...options),
    }),
  );
}

const sourceOf = (files: Record<string, string>) => readSource(sourceTree(at('source'), files));

describe('flavourProblem', () => {
  test('has nothing to say of the very source, whatever else is in it', () => {
    const headers = headersOf({ ...FILES, 'include/generated/autoconf.h': 'made\n' });
    const source = sourceOf({ ...FILES, 'include/linux/more.h': '\n' });
    expect(flavourProblem(source, headers)).toBeUndefined();
  });

  test('refuses a source without the patches that the real-time kernel has, and says which', () => {
    const headers = headersOf({ ...FILES, ...PATCHED }, 'PREEMPT_RT');
    expect(flavourProblem(sourceOf(FILES), headers)).toMatchObject({
      code: 'kernel-mismatch',
      message: expect.stringContaining(
        `those in ${at('headers-common')} (arch/x86/include/asm/preempt.h, include/linux/sched/task.h)`,
      ),
      advice: expect.stringMatching(
        /CONFIG_PREEMPT_RT: apply the real-time patches .*--source DIR/,
      ),
    });
  });

  test('refuses a source with such patches for a kernel without, and says which file tells', () => {
    const source = sourceOf({ ...FILES, ...PATCHED, 'localversion-rt': '-rt3\n' });
    expect(flavourProblem(source, headersOf(FILES))).toMatchObject({
      message: expect.stringContaining('include/linux/sched/task.h'),
      advice: expect.stringMatching(
        /another flavour .*\(localversion-rt\).*linux-source-6\.1=6\.1/,
      ),
    });
  });

  test('takes a file that is not there for one that differs, and names some of many', () => {
    const more = Object.fromEntries([1, 2, 3, 4].map((n) => [`include/linux/new${n}.h`, `${n}\n`]));
    const problem = flavourProblem(sourceOf(FILES), headersOf({ ...FILES, ...more }));
    expect(problem?.message).toMatch(/\(include\/linux\/new1\.h, .*new3\.h, 1 more\)$/);
  });

  test('does without where no header files of the kernel are to be found', () => {
    const headers = readHeaders(headersTree(at('bare')));
    expect(flavourProblem(sourceOf({}), headers)).toBeUndefined();
  });
});

describe('kernelHeaders', () => {
  test('finds packages that were unpacked beside each other, and one that has all', () => {
    writeTree(at('x/headers-common'), FILES);
    writeTree(at('x/headers'), { Makefile: 'include /nowhere/usr/src/headers-common/Makefile\n' });
    expect(kernelHeaders(at('x/headers'))).toBe(at('x/headers-common'));
    writeTree(at('whole'), { Makefile: '', ...FILES });
    expect(kernelHeaders(at('whole'))).toBe(at('whole'));
    expect(kernelHeaders(at('absent'))).toBeUndefined();
  });

  test('in a tree that was built: what kbuild made is no part of the source', () => {
    writeTree(at('built'), { ...FILES, 'arch/x86/include/generated/asm/a.h': 'made\n' });
    mkdirSync(at('built/include/config'));
    writeFileSync(at('built/include/config/auto.h'), 'made\n');
    writeTree(at('source'), FILES);
    expect(differingHeaders(at('built'), at('source'))).toEqual([]);
  });
});
