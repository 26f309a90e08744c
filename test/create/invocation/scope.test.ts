// What a run of create leaves, and what it removes of earlier ones.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentUi } from '../../../src/base/ui.js';
import { inRun } from '../../../src/create/invocation/scope.js';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'ksplice-run-'));
  vi.stubEnv('KSPLICE_CACHE', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

const runs = () => readdirSync(join(cache, 'runs'));

/** A run that is kept. */
const keptRun = () =>
  inRun(silentUi, true, async ({ directory }) => {
    directory.stage('2-post');
    return directory.path;
  });

describe('inRun', () => {
  it('keeps the last directories, and removes older ones of runs that have ended', async () => {
    const first = await keptRun();
    utimesSync(first, 1000, 1000);
    // As a run that was killed has left it.
    mkdirSync(join(cache, 'runs/create-killed'));
    utimesSync(join(cache, 'runs/create-killed'), 2000, 2000);
    for (let i = 0; i < 5; i++) await keptRun();
    expect(runs()).toHaveLength(5);
    expect(runs()).not.toContain(basename(first));
    expect(runs()).not.toContain('create-killed');
  });

  it('leaves the directory of a run that is still going, however old it is', async () => {
    let end = () => {};
    const going = new Promise<void>((resolve) => {
      end = resolve;
    });
    let place = '';
    const long = inRun(silentUi, true, async ({ directory }) => {
      directory.stage('2-post');
      place = directory.path;
      utimesSync(place, 1000, 1000);
      await going;
      return readdirSync(place);
    });
    await vi.waitFor(() => expect(place).not.toBe(''));
    for (let i = 0; i < 6; i++) await keptRun();
    expect(runs()).toContain(basename(place));
    end();
    expect(await long).toEqual(['2-post']);
  });
});
