// More tasks that exit than the core has room for. It cannot tell where they are, so nothing is undone; but
// when they are gone, it is.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, it } from 'vitest';
import { hasOption, testKernel } from '../../kernels/kernel.js';
import { where } from '../../support/where.js';
import type { Guest } from '../harness/index.js';
import type { Scene } from './scene.js';
import { bootScene, type SetUp, unloadAfterEach } from './set-up.js';

const kernel = await testKernel();
// Elsewhere Tasks RCU does not wait for them: kmodsrc/compat.h.
const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernel.release)!.map(Number);
const isOld = major! < 6 || (major === 6 && minor! < 6);
const [traced, waits] = await Promise.all([
  hasOption(kernel, 'TRACEPOINTS'),
  hasOption(kernel, 'TASKS_RCU'),
]);

// Room for four.
process.env.KSPLICE_EXITING_BITS = '2';
afterAll(() => {
  delete process.env.KSPLICE_EXITING_BITS;
});

// Made before the guest boots, so that it sees it.
const folder = await mkdtemp(join(tmpdir(), 'ksplice-room-'));
const stuck = join(folder, 'stuck');
const source = join(import.meta.dirname, '../../fixtures/live/stuck.c');
await execa('gcc', ['-O2', '-Wall', '-o', stuck, source]);
afterAll(() => rm(folder, { recursive: true, force: true }));

let guest: Guest;
let scene: Scene;
const take = (setUp: SetUp) => {
  ({ guest, scene } = setUp);
};
const plain = {
  id: 'plain',
  changes: [{ target: 'core_target' as const, functions: ['core_plain'] }],
};
bootScene('core-room', [plain], take, { parallel: false });
unloadAfterEach(() => guest);

where(isOld && traced && waits, 'Tasks RCU does not wait for them').describe(
  'tasks that exit and were not noted',
  () => {
    it('keep new code, and no longer than they are there', async () => {
      await scene.load('plain');
      await scene.apply('plain');
      const many = guest.spawn(`exec ${stuck} 8`);
      await many.output(/stuck/);
      for (let round = 0; round < 2; round++) {
        const { conflicts } = await scene.refused('plain', 'reversed', 'code_busy');
        expect(conflicts).toBe('0 exiting unreliable');
        expect(await scene.call('plain')).toBe('new core_plain');
      }
      many.kill('SIGKILL');
      await many.finished();
      await guest.ok('sleep 1');
      await scene.remove('plain');
      expect(await scene.call('plain')).toBe('old plain');
    });
  },
);
