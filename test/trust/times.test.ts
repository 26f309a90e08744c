// The rules of a host count each time that something is applied, not only when an update arrives.

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { applyUpdate } from '../../src/apply/apply.js';
import { moduleComing } from '../../src/apply/module-coming.js';
import { viewUpdate } from '../../src/apply/view.js';
import { silentUi } from '../../src/base/ui.js';
import { bootUpdates } from '../../src/install/boot.js';
import { installUpdate } from '../../src/install/install.js';
import { readUpdate } from '../../src/update/read.js';
import type { Update } from '../../src/update/update.js';
import { writeUpdate } from '../../src/update/write.js';
import { SimulatedKernel } from '../apply/simulated-kernel.js';
import { makeSample, withDirectory } from '../update/sample.js';

const BUILD = 'abcdefghijklmnopqrst';

/** A host without rules, and an unsigned update. */
const withUnsigned = (
  modules: readonly string[],
  use: (kernel: SimulatedKernel, update: Update) => Promise<void>,
) =>
  withDirectory(async (where) => {
    const { directory } = await makeSample(where);
    const archive = path.join(where, 'ksplice-abc12345.tar.gz');
    await writeUpdate(directory, archive);
    const kernel = await new SimulatedKernel(where).boot(modules);
    await kernel.put('sys/kernel/notes', `\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0${BUILD}`);
    await kernel.put('proc/sys/kernel/random/boot_id', 'first\n');
    await use(kernel, await readUpdate(archive));
  });

const requireSignatures = (kernel: SimulatedKernel) =>
  kernel.put('etc/policy.json', '{"require-signature": true}');

describe('a rule that came since', () => {
  it('keeps an installed update from being applied at boot', () =>
    withUnsigned(['sctp'], async (kernel, update) => {
      await installUpdate(update, kernel);
      await requireSignatures(kernel);
      await expect(
        bootUpdates(kernel, { timeout: 0, retry: false }, silentUi),
      ).rejects.toMatchObject({
        code: 'boot-incomplete',
        details: { problems: [{ code: 'untrusted' }] },
      });
      expect(kernel.modules).toEqual(['sctp']);
    }));

  it('keeps the rest of an update from a module that comes', () =>
    withUnsigned([], async (kernel, update) => {
      const trust = { state: 'unsigned' } as const;
      const options = { timeout: 0, partial: ['/usr/bin/tool', 'late'], trust };
      await applyUpdate(update, kernel, options, silentUi);
      expect(await viewUpdate(update.id, kernel)).toMatchObject({ trust, waiting: ['sctp'] });
      const modules = [...kernel.modules];
      await requireSignatures(kernel);
      await expect(moduleComing('sctp', kernel, silentUi)).rejects.toMatchObject({
        code: 'untrusted',
      });
      expect(kernel.modules).toEqual(modules);
    }));

  it('limits each stop of the machine, also for a module that comes', () =>
    withUnsigned([], async (kernel, update) => {
      const rule = '{"max-stop-ms": 2.5}';
      await kernel.put('etc/policy.json', rule);
      await installUpdate(update, kernel);
      await bootUpdates(kernel, { timeout: 0, retry: false }, silentUi);
      const told = () => kernel.events.filter((event) => /^(max_stop_ns|stage)/.test(event));
      const once = [`max_stop_ns ${update.id} 2500000`, `stage ${update.id} applied`];
      expect(told()).toEqual(once);
      await moduleComing('sctp', kernel, silentUi);
      expect(told()).toEqual([...once, ...once]);
    }));

  it('does not limit the stop on a core that knows no limit', () =>
    withUnsigned(['sctp'], async (kernel, update) => {
      kernel.unknown = 'max_stop_ns';
      const options = { timeout: 0, maxStopMs: 2 };
      await expect(applyUpdate(update, kernel, options, silentUi)).rejects.toMatchObject({
        code: 'aborted',
        message: expect.stringContaining('ENOENT'),
      });
      expect(kernel.modules).toEqual(['sctp']);
      expect(await applyUpdate(update, kernel, { timeout: 0 }, silentUi)).toMatchObject({
        stage: 'applied',
      });
    }));

  it('is remembered with the update as it was then', () =>
    withUnsigned(['sctp'], async (kernel, update) => {
      await applyUpdate(update, kernel, { timeout: 0 }, silentUi);
      expect(await viewUpdate(update.id, kernel)).toMatchObject({ trust: null });
      // What another wrote is not believed.
      const file = path.join(kernel.paths.run, 'updates', update.id, 'state.json');
      const state = JSON.parse(await readFile(file, 'utf8'));
      await writeFile(file, JSON.stringify({ ...state, trust: { state: 'signed' } }));
      expect(await viewUpdate(update.id, kernel)).toMatchObject({ description: null });
    }));
});
