import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lastUpdate, rememberLast } from '../../../src/create/invocation/last-update.js';

let area: string;
let confdir: string;
const update = () => join(area, 'ksplice-a1.tar.gz');

beforeEach(() => {
  area = mkdtempSync(join(tmpdir(), 'ksplice-last-'));
  confdir = join(area, 'conf');
  mkdirSync(confdir);
  vi.stubEnv('KSPLICE_CACHE', join(area, 'cache'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(area, { recursive: true, force: true });
});

describe('the last update', () => {
  it('is the one that was remembered', () => {
    expect(lastUpdate(confdir)).toBeUndefined();
    writeFileSync(update(), '');
    rememberLast(confdir, update());
    expect(lastUpdate(confdir)).toBe(update());
    rmSync(update());
    expect(() => lastUpdate(confdir)).toThrow(/ksplice-a1\.tar\.gz, .* does not exist$/);
  });

  it.each(['', 'relative.tar.gz', '\0\0\0\0'])('is not known if its record says %j', (text) => {
    rememberLast(confdir, update());
    const records = join(area, 'cache/last-update');
    const [record, ...others] = readdirSync(records);
    expect(others).toEqual([]);
    writeFileSync(join(records, record!), text);
    expect(() => lastUpdate(confdir)).toThrow(
      expect.objectContaining({
        code: 'io',
        message: expect.stringMatching(/it is damaged$/),
        advice: expect.stringContaining('--on FILE'),
      }),
    );
  });
});
