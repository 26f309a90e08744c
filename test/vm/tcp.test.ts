// The scene of docs/examples/tcp.patch, a change in a function that is built into
// the kernel and runs for every TCP packet: with the update, packets to one port
// are dropped and the kernel says so, while a connection on another port goes on
// through apply and undo without losing a byte.

import { beforeAll, describe, expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { LONG } from '../support/long.js';
import { type Guest, withGuest } from './harness/index.js';
import { exampleUpdate, kspliceIn, kspliceModules } from './ksplice.js';
import { connect, listen, TcpStream } from './traffic/tcp.js';
import { stopTracing, tracedCalls, traceFunction, waysToRun } from './traffic/tracing.js';

const kernel = await testKernel();
// Tracing is the same here as for sctp.
const ways = (await waysToRun(kernel)).filter(([, traced]) => LONG || !traced);

const DROPPED_PORT = 6688;
const OTHER_PORT = 6689;

/** The messages of the new code, as the patch words them. */
async function drops(guest: Guest): Promise<number> {
  const log = await guest.dmesg();
  const message = new RegExp(`^127\\.0\\.0\\.1:\\d+ 127\\.0\\.0\\.1:${DROPPED_PORT} ksplice drop$`);
  return log.filter(({ text }) => message.test(text)).length;
}

describe('the tcp example', () => {
  let update: string;
  beforeAll(async () => {
    ({ file: update } = await exampleUpdate(kernel, 'tcp', 'tcpscene'));
  });

  it.for(ways)('%s', async ([_, traced]) => {
    await withGuest({ name: 'tcp-scene', kernel }, async (guest) => {
      const stream = await TcpStream.open(guest, 7000);
      await listen(guest, DROPPED_PORT);
      await listen(guest, OTHER_PORT);
      if (traced) await traceFunction(guest, 'tcp_v4_rcv');
      const expectTraced = async () => {
        if (traced) expect(await tracedCalls(guest, 'tcp_v4_rcv')).toBeGreaterThan(0);
      };
      expect(await connect(guest, DROPPED_PORT)).toBe('accepted');
      expect(await drops(guest)).toBe(0);
      await expectTraced();

      const applied = await kspliceIn(guest, `apply ${update}`);
      expect(applied).toMatchObject({ id: 'tcpscene', stage: 'applied', targets: ['vmlinux'] });
      expect(await kspliceModules(guest)).toEqual(['ksplice', 'ksplice_tcpscene_vmlinux_new']);
      expect(await connect(guest, DROPPED_PORT)).toBe('unanswered');
      expect(await connect(guest, OTHER_PORT)).toBe('accepted');
      const dropped = await drops(guest);
      expect(dropped).toBeGreaterThan(0);
      await expectTraced();

      await kspliceIn(guest, 'undo tcpscene');
      expect(await kspliceModules(guest)).toEqual([]);
      expect(await connect(guest, DROPPED_PORT)).toBe('accepted');
      // The attempt before may have sent its last SYN just before the undo; none comes after.
      const atUndo = await drops(guest);
      expect(await connect(guest, DROPPED_PORT)).toBe('accepted');
      expect(await drops(guest)).toBe(atUndo);
      await expectTraced();
      if (traced) await stopTracing(guest);

      const { sent, received, wrong, error } = await stream.close();
      expect(error).toBeUndefined();
      expect({ received, wrong }).toEqual({ received: sent, wrong: 0 });
      expect(sent).toBeGreaterThan(100_000);
    });
  });
});
