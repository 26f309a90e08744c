import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDirectories, tryDirectory } from '../../src/base/directories.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ksplice-directories-'));
  writeFileSync(join(folder, 'file'), 'x');
  symlinkSync('/nonexistent/place', join(folder, 'dangling'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('makeDirectories', () => {
  it('makes all that leads there, and says where it began', () => {
    expect(makeDirectories(join(folder, 'a/b/c'), 0o700)).toBe(join(folder, 'a'));
    expect(statSync(join(folder, 'a/b')).mode & 0o777).toBe(0o700);
    expect(makeDirectories(join(folder, 'a/b/c'))).toBeUndefined();
    expect(makeDirectories(join(folder, 'a/b/d'))).toBe(join(folder, 'a/b/d'));
  });

  it.each(['/proc/x', '/proc/x/y', '/sys/x'])('fails at once where none can be: %s', (place) => {
    expect(() => makeDirectories(place)).toThrow(/ENOENT|EPERM|EACCES/);
  });

  it('does not take a file for a directory', () => {
    for (const name of ['file', 'file/below', 'dangling', 'dangling/below']) {
      expect(() => makeDirectories(join(folder, name)), name).toThrow();
    }
  });
});

describe('tryDirectory', () => {
  it('leaves nothing, whether the directory is there or not', () => {
    const before = readdirSync(folder);
    tryDirectory(folder);
    tryDirectory(join(folder, 'new/deep'));
    expect(readdirSync(folder)).toEqual(before);
  });

  it('fails for what is no directory, or cannot be written', () => {
    for (const place of [
      join(folder, 'file'),
      join(folder, 'file/x'),
      '/proc/x',
      '/proc',
      '/sys',
    ]) {
      expect(() => tryDirectory(place), place).toThrow();
    }
  });
});
