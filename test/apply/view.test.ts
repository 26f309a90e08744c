import { describe, expect, it } from 'vitest';
import { listUpdates, viewUpdate } from '../../src/apply/view.js';
import { inKernelWith } from './in-kernel.js';

describe('view', () => {
  it(
    'lists updates of which nothing is remembered, by what sysfs says',
    inKernelWith(['xyz', 'abc', 'new'], async (kernel) => {
      await kernel.put('sys/kernel/ksplice/abc/order', '11\n');
      await kernel.put('sys/kernel/ksplice/xyz/order', '2\n');
      await kernel.put('sys/kernel/ksplice/new/order', '0\n');
      await kernel.put('sys/kernel/ksplice/new/stage', 'preparing\n');
      const unknown = {
        on: [],
        waiting: [],
        description: null,
        targets: null,
        fixes: null,
        created: null,
        applied: null,
      };
      await kernel.put('sys/module/ksplice/taint', 'OE\n');
      await kernel.put('sys/module/ksplice_abc_sctp_new/taint', 'OEK\n');
      const functions = [expect.objectContaining({ target: 'vmlinux', name: 'tcp_v4_rcv' })];
      // In the order in which they were applied, whenever they were loaded.
      expect(await listUpdates(kernel)).toEqual([
        { id: 'xyz', stage: 'applied', order: 2, taint: 'EO', functions, ...unknown },
        { id: 'abc', stage: 'applied', order: 11, taint: 'EKO', functions, ...unknown },
        { id: 'new', stage: 'preparing', order: 0, taint: 'EO', functions, ...unknown },
      ]);
    }),
  );

  it(
    'has nothing to list without the core',
    inKernelWith([], async (kernel) => {
      expect(await listUpdates(kernel)).toEqual([]);
      await expect(viewUpdate('abc', kernel)).rejects.toMatchObject({ code: 'not-applied' });
    }),
  );

  it(
    'shows state, functions and patch of one',
    inKernelWith(['abc'], async (kernel) => {
      const state = {
        id: 'abc',
        description: 'd',
        created: 'c',
        applied: 'a',
        targets: ['vmlinux'],
        allowLayout: ['struct sock'],
        fixes: { cves: ['CVE-2026-1234'], upstream: [], repairs: [] },
      };
      await kernel.put('run/updates/abc/state.json', JSON.stringify(state));
      await kernel.put('run/updates/abc/patch', '+new\n');
      await kernel.put('sys/kernel/ksplice/abc/abort_cause', 'code_busy\n');
      await kernel.put('sys/kernel/ksplice/abc/conflicts', '7 httpd tcp_v4_rcv\n');
      await kernel.put('sys/kernel/ksplice/abc/allow_busy', 'tcp_v4_rcv schedule \n');
      const { id: _id, ...rest } = state;
      expect(await viewUpdate('abc', kernel)).toMatchObject({
        id: 'abc',
        stage: 'applied',
        ...rest,
        patch: '+new\n',
        abortCause: 'code_busy',
        conflicts: [{ pid: 7, task: 'httpd', function: 'tcp_v4_rcv' }],
        allowBusy: ['tcp_v4_rcv', 'schedule'],
        functions: [{ target: 'vmlinux', name: 'tcp_v4_rcv', length: 900 }],
      });
    }),
  );

  it.each([
    ['leaving', /old code runs again; the new code stays .*`ksplice-ts undo abc`/],
    ['preparing', /not applied.*`ksplice-ts undo abc` unloads/],
    ['applied', undefined],
  ])('says what the stage %s means', (stage, note) =>
    inKernelWith(['abc'], async (kernel) => {
      await kernel.put('sys/kernel/ksplice/abc/stage', `${stage}\n`);
      const view = await viewUpdate('abc', kernel);
      expect(view.note).toEqual(note ? expect.stringMatching(note) : null);
    })(),
  );

  it(
    'takes no hidden address for an address, and does without what it may not read',
    inKernelWith(['abc'], async (kernel) => {
      const line = (from: string, to: string) => `vmlinux tcp_v4_rcv ${from} 900 ${to}\n`;
      await kernel.put('sys/kernel/ksplice/abc/functions', line('0x0', '0x0000'));
      await kernel.forget('sys/kernel/ksplice/abc/conflicts');
      await kernel.forget('sys/kernel/ksplice/abc/match');
      expect(await viewUpdate('abc', kernel)).toMatchObject({
        conflicts: null,
        match: null,
        functions: [{ name: 'tcp_v4_rcv', oldAddress: null, newAddress: null, length: 900 }],
      });
      await kernel.put('sys/kernel/ksplice/abc/functions', line('0xffff1', '0xffff2'));
      expect((await viewUpdate('abc', kernel)).functions).toMatchObject([
        { oldAddress: '0xffff1', newAddress: '0xffff2' },
      ]);
    }),
  );

  it(
    'does without a state file that was changed by hand',
    inKernelWith(['abc'], async (kernel) => {
      const whole = { description: 'd', created: 'c', applied: 'a', targets: [] };
      await kernel.put('run/updates/abc/state.json', JSON.stringify(whole));
      expect((await viewUpdate('abc', kernel)).description).toBe('d');
      const odd = [
        { on: 7 },
        { targets: [null] },
        { allowLayout: {} },
        { addressesOut: 'x' },
        { fixes: [] },
      ];
      const altered = odd.map((one) => JSON.stringify({ ...whole, ...one }));
      for (const text of ['', 'null', '{"description": 7}', '[]', ...altered]) {
        await kernel.put('run/updates/abc/state.json', text);
        expect((await viewUpdate('abc', kernel)).description).toBeNull();
      }
    }),
  );
});
