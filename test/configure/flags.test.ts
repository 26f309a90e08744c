import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFlags } from '../../src/configure/flags.js';

let confdir: string;
beforeEach(() => {
  confdir = mkdtempSync(join(tmpdir(), 'ksplice-flags-'));
});
afterEach(() => rmSync(confdir, { recursive: true, force: true }));

function read(text: string): string[] {
  writeFileSync(join(confdir, 'flags'), text);
  return readFlags(confdir);
}

describe('readFlags', () => {
  it('reads words, and none where there is no file', () => {
    expect(readFlags(confdir)).toEqual([]);
    expect(read('# O=/x\nCC=gcc-12 LLVM=-15\n\nARCH=x86_64 KCFLAGS=-fno-lto\n')).toEqual([
      'CC=gcc-12',
      'LLVM=-15',
      'ARCH=x86_64',
      'KCFLAGS=-fno-lto',
    ]);
  });

  it('keeps together what is in quotes', () => {
    expect(read(`KCFLAGS="-march=native -O2" 'KAFLAGS=-Dx -Dy' V=1`)).toEqual([
      'KCFLAGS=-march=native -O2',
      'KAFLAGS=-Dx -Dy',
      'V=1',
    ]);
  });

  it.each([
    [`V=1\nKCFLAGS="-O2 -g\n`, /flags:2: a quote " is not closed: KCFLAGS="-O2 -g$/],
    [`KCFLAGS='-DX="a"' V="1`, /flags:1: a quote " is not closed/],
    [`CC=gcc'`, /flags:1: a quote ' is not closed/],
    [`KCFLAGS="-O2\n-g"\n`, /flags:1: a quote " is not closed/],
  ])('refuses a quote that is not closed: %j', (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'bad-confdir' }));
    expect(read(`# it's ${'"'}\nV="'"`)).toEqual(["V='"]);
  });

  it.each([
    ['O=/build', /O=\/build: kbuild works in a directory of the cache/],
    ['KBUILD_OUTPUT=/build', /kbuild works in a directory of the cache/],
    ['ARCH=arm64', /only x86-64/],
    [
      '"KCFLAGS=-O2 -flto=auto"',
      /-flto=auto: functions would be compiled when the kernel is linked/,
    ],
  ])('refuses %s with the reason', (flag, message) => {
    expect(() => read(`KCFLAGS=-Dx ${flag}`)).toThrow(
      expect.objectContaining({ code: 'bad-confdir', message: expect.stringMatching(message) }),
    );
  });
});
