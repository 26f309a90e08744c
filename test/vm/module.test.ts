// A module that is not the kernel's: built by its user from a directory, loaded,
// and patched from that directory with nothing but the kernel's headers. It is a
// tunnel, and packets go through it all the time.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import {
  type Answer,
  configure,
  examplePatch,
  ksplice,
  kspliceFails,
  kspliceIn,
  kspliceModules,
  ROOT,
} from './ksplice.js';
import { backwards, Tunnel } from './traffic/tunnel.js';
import { userlandAssociation } from './traffic/userland-sctp.js';

const FIXTURE = path.join(ROOT, 'test', 'fixtures', 'module-tunnel');
const folder = path.join(ROOT, '.work', 'module-tunnel');
const source = path.join(folder, 'udp-wire-1.0');
const patch = path.join(FIXTURE, 'accounting.patch');

/** As the module's author does it. */
function buildModule(kernel: TestKernel): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const isSource = (file: string) => !file.endsWith('.patch');
  cpSync(FIXTURE, source, { recursive: true, filter: isSource });
  execFileSync('make', ['-s', '-C', kernel.headers, `M=${source}`, 'modules'], { stdio: 'pipe' });
}

/** Makes an update for a directory, with headers and image, but no kernel source. */
async function createWithout(
  kernel: TestKernel,
  directory: string,
  patch: string,
  id: string,
  ...more: string[]
): Promise<Answer> {
  const confdir = path.join(folder, 'conf');
  await configure(kernel, confdir, { source: false });
  const args = ['--module', directory, '--patch', patch, '--config', confdir];
  return await ksplice(['create', ...args, '--id', id, '--output', folder, ...more]);
}

describe('a tunnel that is a module of its own', () => {
  let kernel: TestKernel;
  let created: Answer;
  beforeAll(async () => {
    kernel = await testKernel();
    buildModule(kernel);
    created = await createWithout(kernel, source, patch, 'wire');
    const on = ['--on', path.join(folder, 'ksplice-wire.tar.gz')];
    await createWithout(kernel, source, path.join(FIXTURE, 'cut.patch'), 'cut', ...on);
  });

  it('is patched while packets go through it', async () => {
    expect(created.proof).toMatchObject({ targets: [{ target: 'udp_wire' }] });
    await withGuest({ name: 'module', kernel }, async (guest) => {
      const tunnel = await Tunnel.start(guest, path.join(source, 'udp-wire.ko'));
      await tunnel.sendForeign(3);
      const stock = await tunnel.counters();
      expect(stock).toMatchObject({ received_errors: 0, received_large: 0, sent_large: 0 });
      expect(stock.received_packets).toBeGreaterThan(0);

      const applied = await kspliceIn(guest, `apply ${path.join(folder, 'ksplice-wire.tar.gz')}`);
      expect(applied).toMatchObject({ id: 'wire', stage: 'applied', targets: ['udp_wire'] });
      expect(await kspliceModules(guest)).toEqual(['ksplice', 'ksplice_wire_udp_wire_new']);
      await tunnel.sendForeign(4);
      const patched = await tunnel.counters();
      expect(patched).toMatchObject({ received_errors: 4, received_foreign: 4 });
      expect(patched.received_large).toBeGreaterThan(0);
      expect(patched.sent_large).toBeGreaterThan(0);
      expect(patched.sent_packets).toBeGreaterThan(stock.sent_packets!);

      // On top of it: the function once more, with the counter that it added.
      await kspliceIn(guest, `apply ${path.join(folder, 'ksplice-cut.tar.gz')}`);
      await tunnel.sendForeign(2, 'x');
      expect(await tunnel.counters()).toMatchObject({
        received_errors: 6,
        received_foreign: 6,
        received_cut: 2,
      });
      expect(await kspliceFails(guest, 'undo wire')).toMatchObject({ code: 'stacked' });
      await kspliceIn(guest, 'undo cut');
      const below = await tunnel.counters();
      expect(below).toMatchObject({ received_errors: 6, received_foreign: 6 });
      expect(below).not.toHaveProperty('received_cut');

      await kspliceIn(guest, 'undo wire');
      expect(await kspliceModules(guest)).toEqual([]);
      const undone = await tunnel.counters();
      await tunnel.sendForeign(5);
      const last = await tunnel.counters();
      const { received_large, sent_large, received_packets = 0 } = undone;
      expect(last).toMatchObject({ received_errors: 6, received_large, sent_large });
      expect(last).not.toHaveProperty('received_foreign');
      expect(last.received_packets).toBeGreaterThan(received_packets);

      const { traffic, readings } = await tunnel.stop();
      // The counters were read before, between and after.
      const updated = readings.map((reading) => 'received_foreign' in reading);
      expect(updated.lastIndexOf(true)).toBeGreaterThan(updated.indexOf(true));
      expect([updated[0], updated.at(-1)]).toEqual([false, false]);
      expect(backwards(readings)).toEqual([]);
      // Nothing is lost in the tunnel. The pause is one of an emulated machine on a busy host: 0.9 s were seen.
      expect(traffic).toMatchObject({ received: traffic.sent, doubled: 0 });
      expect(traffic.longestPauseMs).toBeLessThan(4000);
      await guest.ok('ip netns del left && ip netns del right && sleep 1 && rmmod udp_wire');
    });
  });
});

describe("a directory out of the kernel's source", () => {
  let kernel: TestKernel;
  beforeAll(async () => {
    kernel = await testKernel();
    const directory = path.join(folder, 'only-sctp');
    rmSync(directory, { recursive: true, force: true });
    cpSync(path.join(kernel.source, 'net/sctp'), directory, { recursive: true });
    await createWithout(kernel, directory, examplePatch('sctp'), 'onlysctp');
  });

  it("is enough to patch the distribution's module", async () => {
    await withGuest({ name: 'module-sctp', kernel }, async (guest) => {
      await guest.ok('modprobe sctp');
      const aborts = async () => (await userlandAssociation(guest)).aborts;
      expect(await aborts()).toBeGreaterThan(0);
      await kspliceIn(guest, `apply ${path.join(folder, 'ksplice-onlysctp.tar.gz')}`);
      expect(await aborts()).toBe(0);
      await kspliceIn(guest, 'undo onlysctp');
      expect(await aborts()).toBeGreaterThan(0);
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });
});
