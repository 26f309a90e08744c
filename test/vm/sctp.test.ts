// The scene of docs/examples/sctp.patch, a change in a module: with the kernel's
// sctp loaded, a stack in user space sees its packets answered with ABORTs; with
// the update it does not; after undo it does again. The kernel's own SCTP works
// all the time.

import { beforeAll, describe, expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import { exampleUpdate, kspliceIn, kspliceModules } from './ksplice.js';
import { KernelSctp } from './traffic/kernel-sctp.js';
import { stopTracing, tracedCalls, traceFunction, waysToRun } from './traffic/tracing.js';
import { type Association, userlandAssociation } from './traffic/userland-sctp.js';

const kernel = await testKernel();
const ways = await waysToRun(kernel);

const WORKS = { up: true, echoed: true, closed: true };

function expectAborts(association: Association): void {
  expect(association).toMatchObject(WORKS);
  const init = association.packets.findIndex(({ chunks }) => chunks[0] === 'INIT');
  // The kernel answers at once, the stack in user space a moment later; tcpdump may hear of
  // the two in the other order, when they come from two CPUs.
  const answers = association.packets.slice(init + 1, init + 3).flatMap(({ chunks }) => chunks);
  expect(answers).toContain('ABORT');
  expect(association.outOfBlues).toBeGreaterThanOrEqual(association.aborts);
}

function expectNoAborts(association: Association): void {
  expect(association).toMatchObject({ ...WORKS, aborts: 0, outOfBlues: 0 });
  const chunks = association.packets.flatMap((packet) => packet.chunks);
  // Whoever waits too long for an answer asks once more, as on a machine that has much to do.
  const kinds = chunks.filter((kind, index) => kind !== chunks[index - 1]);
  expect(kinds.slice(0, 4)).toEqual(['INIT', 'INIT ACK', 'COOKIE ECHO', 'COOKIE ACK']);
}

describe('sctp on the stock kernel', () => {
  it('answers packets of a stack in user space with ABORTs, but only when it is loaded', async () => {
    await withGuest({ name: 'sctp-stock' }, async (guest) => {
      expectNoAborts(await userlandAssociation(guest));
      await guest.ok('modprobe sctp');
      expectAborts(await userlandAssociation(guest));
    });
  });
});

describe('the sctp example', () => {
  let update: string;
  beforeAll(async () => {
    ({ file: update } = await exampleUpdate(kernel, 'sctp', 'sctpscene'));
  });

  it.for(ways)('%s', async ([_, traced]) => {
    await withGuest({ name: 'sctp-scene', kernel }, async (guest) => {
      await guest.ok('modprobe sctp');
      const refcount = await guest.ok('cat /sys/module/sctp/refcnt');
      const traffic = await KernelSctp.start(guest);
      if (traced) await traceFunction(guest, 'sctp_rcv');
      expectAborts(await userlandAssociation(guest));
      await traffic.more();
      if (traced) expect(await tracedCalls(guest, 'sctp_rcv')).toBeGreaterThan(0);

      const applied = await kspliceIn(guest, `apply ${update}`);
      expect(applied).toMatchObject({ id: 'sctpscene', stage: 'applied', targets: ['sctp'] });
      expect(await kspliceModules(guest)).toEqual(['ksplice', 'ksplice_sctpscene_sctp_new']);
      expectNoAborts(await userlandAssociation(guest));
      await traffic.more();
      if (traced) expect(await tracedCalls(guest, 'sctp_rcv')).toBeGreaterThan(0);

      await kspliceIn(guest, 'undo sctpscene');
      expect(await kspliceModules(guest)).toEqual([]);
      expectAborts(await userlandAssociation(guest));
      await traffic.more();
      if (traced) expect(await tracedCalls(guest, 'sctp_rcv')).toBeGreaterThan(0);
      if (traced) await stopTracing(guest);

      const { associations } = await traffic.stop();
      expect(associations).toBeGreaterThanOrEqual(6);
      // The update no longer holds on to the module. (Its own control socket does, for ever;
      // that of the traffic's namespace goes a moment after it.)
      const read = 'cat /sys/module/sctp/refcnt';
      await guest.run(
        `for i in {1..50}; do [ $(${read}) = ${refcount} ] && break; sleep 0.1; done`,
      );
      expect(await guest.ok(read)).toBe(refcount);
    });
  });
});
