import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  differingOptions,
  errorLines,
  missingPackages,
  readAutoconf,
  readBuildHeaders,
  withoutDebugInfo,
} from '../../../src/create/tree/kbuild.js';
import { onlyWithRust } from '../../../src/create/tree/prepare.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ksplice-headers-'));
  mkdirSync(join(directory, 'include/generated'), { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const put = (name: string, text: string) =>
  writeFileSync(join(directory, 'include/generated', name), text);

describe('readBuildHeaders', () => {
  it("takes the distribution's compiler and build strings for make", () => {
    put('autoconf.h', '#define CONFIG_CC_VERSION_TEXT "gcc-12 (Debian 12.2.0-14) 12.2.0"\n');
    put(
      'compile.h',
      '#define UTS_MACHINE\t\t"x86_64"\n#define LINUX_COMPILE_BY\t"me"\n#define LINUX_COMPILE_HOST\t"there.org"\n',
    );
    put('package.h', '#define LINUX_PACKAGE_ID " Debian 6.1.1-1"\n');
    const headers = readBuildHeaders(directory, '6.1.0-1-amd64', ['V=1']);
    expect(headers.compiler).toBe('gcc-12');
    expect(headers.makeVariables).toEqual([
      'CC=gcc-12',
      'KERNELRELEASE=6.1.0-1-amd64',
      'KBUILD_BUILD_USER=me',
      'KBUILD_BUILD_HOST=there.org',
      'DISTRIBUTION_OFFICIAL_BUILD=1',
      'DISTRIBUTOR=Debian',
      'DISTRIBUTION_VERSION=6.1.1-1',
      'V=1',
    ]);
  });

  it('leaves the tools to the flags for a kernel that clang built', () => {
    put(
      'autoconf.h',
      '#define CONFIG_CC_IS_CLANG 1\n#define CONFIG_CC_VERSION_TEXT "Debian clang version 14.0.6"\n',
    );
    const headers = readBuildHeaders(directory, '6.1.0', ['LLVM=-14']);
    expect(headers.compiler).toBe('clang-14');
    expect(headers.makeVariables).toEqual(['KERNELRELEASE=6.1.0', 'LLVM=-14']);
  });

  it('does without what other distributions do not have', () => {
    put('autoconf.h', '#define CONFIG_CC_VERSION_TEXT "some compiler"\n');
    put('package.h', '#define LINUX_PACKAGE_ID ""\n');
    expect(readBuildHeaders(directory, '6.1.0', []).makeVariables).toEqual([
      'CC=gcc',
      'KERNELRELEASE=6.1.0',
    ]);
  });

  it('refuses a directory without configured headers', () => {
    expect(() => readBuildHeaders(directory, '6.1.0', [])).toThrow(
      /no headers of a configured kernel/,
    );
  });
});

describe('onlyWithRust', () => {
  const options = (text: string) => new Map(text.split(' ').map((name) => [name, '1']));
  const theirs = options('CONFIG_A CONFIG_RUST CONFIG_QR CONFIG_DEBUG_INFO_BTF');

  it('names what is missing because nothing in Rust can be compiled here', () => {
    const ours = options('CONFIG_A CONFIG_MORE');
    const differing = differingOptions(ours, theirs);
    expect(onlyWithRust(ours, theirs, differing)).toEqual(['CONFIG_QR', 'CONFIG_RUST']);
  });

  it('names nothing where the compiler is there, or the kernel is without', () => {
    const ours = options('CONFIG_A CONFIG_RUST');
    expect(onlyWithRust(ours, theirs, differingOptions(ours, theirs))).toEqual([]);
    const without = options('CONFIG_A CONFIG_QR');
    const none = options('CONFIG_A');
    expect(onlyWithRust(none, without, differingOptions(none, without))).toEqual([]);
  });
});

describe('differingOptions', () => {
  it('names options that only one side has, or that differ', () => {
    const ours = readAutoconf(
      '#define CONFIG_A 1\n#define CONFIG_B "x y"\n#define CONFIG_C_MODULE 1\n',
    );
    const theirs = readAutoconf('#define CONFIG_A 1\n#define CONFIG_B "x"\n#define CONFIG_BTF 1\n');
    expect(differingOptions(ours, theirs)).toEqual(['CONFIG_B', 'CONFIG_BTF', 'CONFIG_C_MODULE']);
    expect(differingOptions(theirs, theirs)).toEqual([]);
  });
});

describe('missingPackages', () => {
  it.each([
    ['/bin/sh: 1: flex: not found', ['flex']],
    ['bash: line 1: bison: command not found', ['bison']],
    ['scripts/extract-cert.c:21:10: fatal error: openssl/bio.h: No such file', ['libssl-dev']],
    ['<stdin>:1:10: fatal error: libelf.h: No such file or directory', ['libelf-dev']],
    ['/bin/sh: 1: gcc-12: not found', ['gcc-12']],
    ['make: *** No rule to make target x', []],
  ])('%s', (output, packages) => {
    expect(missingPackages(output, 'gcc-12')).toEqual(packages);
  });
});

describe('errorLines', () => {
  it("keeps the compiler's lines, without make's and without the cache's path", () => {
    const output = `  CC [M]  net/a.o
/c/tree/net/a.c: In function 'f':
/c/tree/net/a.c:1:2: error: no
    1 | x
make[4]: *** [/c/tree/scripts/Makefile.build:250: net/a.o] Error 1
make: *** [Makefile:238: __sub-make] Error 2
`;
    expect(errorLines(output, '/c/tree')).toEqual([
      "net/a.c: In function 'f':",
      'net/a.c:1:2: error: no',
      '    1 | x',
    ]);
  });
});

describe('withoutDebugInfo', () => {
  it("keeps the owner's flags for the compiler, of which make takes the last", () => {
    expect(withoutDebugInfo(['CC=gcc', 'KCFLAGS=-O1', 'KCFLAGS=-march=native -O2'])).toEqual([
      'KCFLAGS=-march=native -O2 -g0',
      'KAFLAGS= -g0',
      'CONFIG_DEBUG_INFO_BTF_MODULES=',
    ]);
  });
});
