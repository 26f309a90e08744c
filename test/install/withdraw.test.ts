import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { applyUpdate } from '../../src/apply/apply.js';
import { silentUi } from '../../src/base/ui.js';
import { describeStatus } from '../../src/cli/commands/status.js';
import { allWithdrawn, withdrawn } from '../../src/host/withdrawn.js';
import { bootUpdates } from '../../src/install/boot.js';
import { installUpdate } from '../../src/install/install.js';
import { clearUpdate, rememberWithdrawn } from '../../src/install/withdraw.js';
import { readStatus } from '../../src/status/status.js';
import { readUpdate } from '../../src/update/read.js';
import { writeUpdate } from '../../src/update/write.js';
import { SimulatedKernel } from '../apply/simulated-kernel.js';
import { makeSample, withDirectory } from '../update/sample.js';

const RECORD = {
  id: 'a1',
  when: '2026-01-01T00:00:00Z',
  reason: 'it hurt',
  remains: 'nothing',
  buildId: '',
} as const;

it('a withdrawn update is neither applied, installed nor tried at boot, until it is cleared', () =>
  withDirectory(async (where) => {
    const kernel = new SimulatedKernel(where);
    await kernel.boot();
    await kernel.put('sys/kernel/notes', '\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0abcdefghijklmnopqrst');
    await kernel.put('proc/sys/kernel/random/boot_id', 'first\n');
    const { directory } = await makeSample(where, { id: 'a1', targets: ['vmlinux'] });
    const archive = path.join(where, 'ksplice-a1.tar.gz');
    await writeUpdate(directory, archive);
    const update = await readUpdate(archive);
    await installUpdate(update, kernel);
    await rememberWithdrawn(kernel, RECORD);
    expect(await allWithdrawn(kernel)).toEqual([RECORD]);
    expect(await readStatus(kernel, silentUi)).toMatchObject({
      verdict: 'withdrawn',
      updates: [{ id: 'a1', installed: true, withdrawn: expect.stringContaining('it hurt') }],
    });

    const refused = { code: 'withdrawn', exitStatus: 11 };
    await expect(applyUpdate(update, kernel, { timeout: 0 }, silentUi)).rejects.toMatchObject(
      refused,
    );
    await expect(installUpdate(update, kernel)).rejects.toMatchObject(refused);
    await expect(bootUpdates(kernel, { timeout: 0, retry: true }, silentUi)).rejects.toMatchObject({
      code: 'boot-incomplete',
      details: { results: [{ id: 'a1', outcome: 'withdrawn' }] },
    });
    expect(kernel.events.filter((event) => event.startsWith('insmod'))).toEqual([]);

    // A damaged record withdraws as well.
    await writeFile(path.join(kernel.paths.installed, 'withdrawn', 'a1.json'), '{');
    expect(await withdrawn(kernel, 'a1')).toMatchObject({
      id: 'a1',
      reason: 'its record is damaged',
    });

    await clearUpdate('a1', kernel);
    expect((await readStatus(kernel, silentUi)).verdict).toBe('not-applied');
    expect(await allWithdrawn(kernel)).toEqual([]);
    expect(await bootUpdates(kernel, { timeout: 0, retry: false }, silentUi)).toMatchObject([
      { outcome: 'applied' },
    ]);
    await expect(clearUpdate('a1', kernel)).rejects.toMatchObject({ code: 'not-withdrawn' });
  }));

it('status tells of a withdrawn update that is nowhere else, if it hurt this kernel', () =>
  withDirectory(async (where) => {
    const kernel = await new SimulatedKernel(where).boot();
    await rememberWithdrawn(kernel, { ...RECORD, buildId: 'abcd' });
    expect(await readStatus(kernel, silentUi)).toMatchObject({ verdict: 'good', updates: [] });
    await rememberWithdrawn(kernel, RECORD);
    const status = await readStatus(kernel, silentUi);
    expect(status).toMatchObject({ verdict: 'withdrawn', updates: [{ id: 'a1', stage: null }] });
    expect(describeStatus(status)).toContain('    withdrawn (2026-01-01T00:00:00Z): it hurt');
  }));
