// Function tracing that has stopped itself for good, and other redirections: what the core says, and that
// nothing goes that ftrace still refers to.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hasOption, testKernel } from '../../kernels/kernel.js';
import { where } from '../../support/where.js';
import type { Guest } from '../harness/index.js';
import type { Base, Update } from './kbuild.js';
import type { Scene } from './scene.js';
import { bootScene, type SetUp } from './set-up.js';

const kernel = await testKernel();
const traced = (await hasOption(kernel, 'FUNCTION_TRACER')) && (await hasOption(kernel, 'KPROBES'));
/** In newer kernels nobody can switch it off. */
const neverOff =
  traced &&
  readFileSync(join(kernel.source, 'kernel/trace/ftrace.c'), 'utf8').includes(
    'no longer disables ftrace',
  );

const update = (id: string, ...functions: string[]): Update => ({
  id,
  changes: [{ target: 'core_target', functions }],
});

where(traced, 'it has no function tracing, or no kprobes').describe('ftrace', () => {
  let base: Base;
  let guest: Guest;
  let scene: Scene;
  const take = (setUp: SetUp) => {
    ({ base, guest, scene } = setUp);
  };
  const updates = [update('label', 'core_label'), update('plain', 'core_plain')];
  bootScene('core-ftrace', updates, take, { parallel: false });

  it('that is switched off does not redirect: the update is refused', async () => {
    await scene.load('label');
    const off = await guest.run('LC_ALL=C sysctl -q kernel.ftrace_enabled=0');
    if (neverOff) {
      expect(off).toMatchObject({ stderr: expect.stringContaining('Operation not supported') });
      expect(await guest.ok('sysctl -n kernel.ftrace_enabled')).toBe('1');
    } else {
      expect(off).toMatchObject({ status: 0, stderr: '' });
      await scene.refused('label', 'applied', 'ftrace_busy');
      expect(await scene.call('label')).toBe('old label off');
      await guest.ok('sysctl -q kernel.ftrace_enabled=1');
    }
    await scene.apply('label');
    await scene.remove('label');
  });

  it('that has stopped itself keeps the core, and says so', async () => {
    await scene.load('label');
    await scene.apply('label');
    expect(await scene.call('label')).toBe('new core_label');
    await guest.run(`insmod ${base.ftraceKill}`);
    await scene.remove('label');
    expect(await scene.call('label')).toBe('old label off');
    const log = (await guest.dmesg()).map(({ text }) => text).join('\n');
    expect(log).toMatch(
      /label: ftrace does not let go of core_label \(-\d+\): ksplice\.ko must stay/,
    );
    guest.expectLog(/ftrace does not let go of core_label/);
    expect(await guest.run('rmmod core_target; rmmod ksplice')).toMatchObject({
      stderr: expect.stringMatching(/Module ksplice is in use/),
    });
    // The handler is still called.
    await guest.ok(`insmod ${base.target}`);
    expect(await scene.call('label')).toBe('old label off');
    await scene.load('label');
    await scene.refused('label', 'applied', 'ftrace_off');
    await scene.unload('label');
    await scene.load('plain');
    await scene.apply('plain');
    await scene.remove('plain');
  });
});
