// The parts of a kernel's build directory, and a System.map that is not its own.

import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readBuildTree, sourceOfBuild } from '../../src/configure/build-tree.js';
import { readHeaders } from '../../src/configure/headers.js';
import { findSystemMap, mapProblem } from '../../src/configure/system-map.js';
import { ModuleDirectory } from '../../src/kernel/module-files.js';
import { headersTree, RELEASE, sourceTree, writeTree } from './trees.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const next = () => path.join(folder, String(count++));

const MAP = 'ffffffff81000000 T _text\nffffffff81000040 T one\nffffffff81000080 t two\n';
const build = (change: Record<string, string> = {}) =>
  headersTree(next(), { 'System.map': MAP, ...change });

describe('a build directory', () => {
  test('has map and image, which a headers package has not', () => {
    const dir = build({ 'arch/x86/boot/bzImage': '' });
    const systemMap = path.join(dir, 'System.map');
    expect(readBuildTree(dir)).toEqual({ systemMap, image: dir });
    expect(readBuildTree(build())).toMatchObject({ image: undefined });
    expect(readBuildTree(headersTree(next()))).toBeUndefined();
    expect(findSystemMap(RELEASE, undefined, systemMap)).toEqual({ text: MAP, origin: systemMap });
  });

  test('leads to its source, or is its source', () => {
    const source = sourceTree(next());
    const apart = build();
    symlinkSync(source, path.join(apart, 'source'));
    expect(sourceOfBuild(readHeaders(apart))?.dir).toBe(source);
    const together = sourceTree(build());
    expect(sourceOfBuild(readHeaders(together))?.dir).toBe(together);
    expect(sourceOfBuild(readHeaders(build()))).toBeUndefined();
  });

  test('with a link to something else is refused', () => {
    const dir = build();
    symlinkSync(folder, path.join(dir, 'source'));
    expect(() => sourceOfBuild(readHeaders(dir))).toThrow(
      expect.objectContaining({ code: 'no-source' }),
    );
  });

  test('has the modules that kbuild lists, and no others', () => {
    const files = (suffix: string) =>
      new ModuleDirectory(
        writeTree(next(), {
          'scripts/basic/fixdep': '',
          'modules.order': `net/sctp/sctp.${suffix}\nlib/libcrc32c.${suffix}\n`,
          'net/sctp/sctp.ko': 'x',
          'old/gone.ko': 'x',
        }),
      );
    for (const suffix of ['ko', 'o']) {
      expect(files(suffix).has('sctp')).toBe(true);
      expect(files(suffix).has('libcrc32c')).toBe(true);
      expect(files(suffix).has('gone')).toBe(false);
    }
  });
});

describe('a System.map', () => {
  const symbol = (name: string, address: bigint) => ({ name, address, type: 't' });
  const image = [symbol('_text', 0xffffffff81000000n), symbol('two', 0xffffffff81000080n)];
  const map = { text: MAP, origin: 'System.map' };

  test('of the same build agrees with the image', () => {
    expect(mapProblem(map, image)).toBeUndefined();
    expect(mapProblem(map, [...image, symbol('linker_only', 1n)])).toBeUndefined();
  });

  test('of another build is told by a symbol', () => {
    expect(mapProblem(map, [...image, symbol('one', 0xffffffff81000050n)])).toMatchObject({
      code: 'kernel-mismatch',
      message: expect.stringMatching(/another build.*one is at ffffffff81000040.*ffffffff81000050/),
    });
  });
});
