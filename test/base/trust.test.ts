import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exposedFile, requireOwnDirectory } from '../../src/base/trust.js';
import { silentUi } from '../../src/base/ui.js';
import { unpackSource } from '../../src/configure/unpack.js';
import { inRun } from '../../src/create/invocation/scope.js';
import { chooseId } from '../../src/create/modules/pack.js';
import { isUpdateId } from '../../src/update/contents.js';

let folder: string;
const at = (name: string) => path.join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const isRoot = process.geteuid?.() === 0;
const SOMEBODY = 65534;

describe('the directory for caches', () => {
  const refusal = expect.objectContaining({
    code: 'writable-by-others',
    message: expect.stringContaining('cache'),
    advice: expect.stringContaining('KSPLICE_CACHE=DIR'),
  });

  it('is made for its owner alone, and accepted as it is', () => {
    requireOwnDirectory(at('a/cache'));
    expect(statSync(at('a/cache')).mode & 0o777).toBe(0o700);
    chmodSync(at('a/cache'), 0o755);
    requireOwnDirectory(at('a/cache'));
    // Where each user has a group of their own, such a mode is usual.
    chmodSync(at('a/cache'), 0o775);
    requireOwnDirectory(at('a/cache'));
  });

  it('is refused when all can write there', () => {
    mkdirSync(at('cache'));
    chmodSync(at('cache'), 0o777);
    expect(() => requireOwnDirectory(at('cache'))).toThrowError(refusal);
  });

  it('is refused before anything is compiled or unpacked there', async () => {
    mkdirSync(at('cache'));
    chmodSync(at('cache'), 0o777);
    vi.stubEnv('KSPLICE_CACHE', at('cache'));
    const work = vi.fn();
    await expect(inRun(silentUi, false, work)).rejects.toThrowError(refusal);
    expect(work).not.toHaveBeenCalled();
    // A tree that is there already is what somebody may have put there.
    mkdirSync(at('cache/source/tree'), { recursive: true });
    const unpacked = unpackSource(at('absent.tar.xz'), 'tree', silentUi);
    await expect(unpacked).rejects.toThrowError(refusal);
  });

  it.runIf(isRoot)('is refused when it is, or leads to, another user’s or group’s', () => {
    mkdirSync(at('cache'));
    chownSync(at('cache'), SOMEBODY, 0);
    symlinkSync(at('cache'), at('link'));
    expect(() => requireOwnDirectory(at('cache'))).toThrowError(refusal);
    expect(() => requireOwnDirectory(at('link'))).toThrowError(refusal);
    chownSync(at('cache'), 0, SOMEBODY);
    chmodSync(at('cache'), 0o775);
    expect(() => requireOwnDirectory(at('cache'))).toThrowError(refusal);
  });
});

describe.runIf(isRoot)('what root is to run', () => {
  beforeEach(() => {
    mkdirSync(at('tool/dist/cli'), { recursive: true });
    writeFileSync(at('tool/dist/cli/main.js'), '');
    writeFileSync(at('node'), '');
  });
  const look = () => exposedFile([at('node')], [at('tool/dist')]);

  it('may lie below a sticky directory, and everywhere that only root can write', () => {
    expect(look()).toBeUndefined();
  });

  it.each([
    ['a file in it', 'tool/dist/cli/main.js', 'tool/dist/cli/main.js'],
    ['a directory above it', 'tool', 'tool'],
    ['the program', 'node', 'node'],
  ])('is refused when others can write to %s, or own it', (_, name, told) => {
    chmodSync(at(name), 0o777);
    expect(look()).toEqual({ file: at(told), why: 'can be written to by others' });
    chmodSync(at(name), 0o755);
    chownSync(at(name), SOMEBODY, 0);
    expect(look()).toEqual({ file: at(told), why: `belongs to user ${SOMEBODY}` });
  });

  it('is looked at where links lead', () => {
    mkdirSync(at('home'));
    chownSync(at('home'), SOMEBODY, 0);
    writeFileSync(at('home/node'), '');
    rmSync(at('node'));
    symlinkSync(at('home/node'), at('node'));
    expect(look()).toEqual({ file: at('home'), why: `belongs to user ${SOMEBODY}` });
  });
});

describe('an id', () => {
  it.each(['helper', 'awaited'])('is not %s, which the core has beside the updates', (word) => {
    expect(isUpdateId(word)).toBe(false);
    expect(() => chooseId(word)).toThrowError(
      expect.objectContaining({ code: 'usage', advice: expect.stringContaining(word) }),
    );
    expect(isUpdateId(`${word}2`)).toBe(true);
  });
});
