import { chmod } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { undoUpdate } from '../../src/apply/undo-update.js';
import { viewUpdate } from '../../src/apply/view.js';
import { silentUi } from '../../src/base/ui.js';
import { withDirectory } from '../update/sample.js';
import { inKernelWith } from './in-kernel.js';
import { SimulatedKernel } from './simulated-kernel.js';

const NO_WAIT = { timeout: 0 };

describe('undoUpdate', () => {
  it(
    'switches back and unloads everything, the core last',
    inKernelWith(['abc'], async (kernel) => {
      // Of an apply that was killed after the switch.
      await kernel.put('run/load-1-abc/x.ko', '');
      await chmod(kernel.paths.run, 0o700);
      const undone = await undoUpdate('abc', kernel, NO_WAIT, silentUi);
      expect(await kernel.remembered()).toEqual([]);
      expect(kernel.events).toEqual([
        'stage abc reversed',
        'rmmod ksplice_abc_sctp_new',
        'rmmod ksplice_abc_vmlinux_new',
        'rmmod ksplice',
      ]);
      expect(undone).toMatchObject({ coreUnloaded: true, attempts: 1 });
      expect(undone.timing).toMatchObject({ window_ns: 400000 });
      expect(kernel.modules).toEqual(['sctp']);
    }),
  );

  it(
    'leaves the core where something still refers to it',
    inKernelWith(['abc'], async (kernel) => {
      await kernel.put('sys/module/ksplice/refcnt', '1\n');
      const undone = await undoUpdate('abc', kernel, NO_WAIT, silentUi);
      expect(undone).toMatchObject({ changed: true, coreUnloaded: false, coreKept: true });
      expect(kernel.modules).toEqual(['sctp', 'ksplice']);
    }),
  );

  it(
    'keeps the core for another update',
    inKernelWith(['abc', 'xyz'], async (kernel) => {
      expect(await undoUpdate('abc', kernel, NO_WAIT, silentUi)).toMatchObject({
        coreUnloaded: false,
      });
      expect(await kernel.stageOf('xyz')).toBe('applied');
      expect(kernel.modules).toEqual([
        'sctp',
        'ksplice',
        'ksplice_xyz_vmlinux_new',
        'ksplice_xyz_sctp_new',
      ]);
    }),
  );

  it(
    'leaves the update applied when the new code is in use',
    inKernelWith(['abc'], async (kernel) => {
      kernel.refusals.push({ word: 'code_busy', conflicts: '7 httpd tcp_v4_rcv\n' });
      await expect(undoUpdate('abc', kernel, NO_WAIT, silentUi)).rejects.toMatchObject({
        code: 'busy',
        message: expect.stringMatching(/undone: .* its new code, .*: httpd \(7\) in tcp_v4_rcv/),
      });
      expect(await kernel.stageOf('abc')).toBe('applied');
      expect(kernel.events).toEqual(['stage abc reversed failed']);
    }),
  );

  it(
    'keeps the new code that others have addresses of, and is told to let it go',
    inKernelWith(['abc'], async (kernel) => {
      await kernel.put('sys/kernel/ksplice/abc/stage', 'leaving\n');
      await kernel.put('sys/kernel/ksplice/abc/keep', '1\n');
      kernel.refusals.push({ word: 'addresses_out' });
      const undone = await undoUpdate('abc', kernel, NO_WAIT, silentUi);
      expect(undone).toMatchObject({
        changed: false,
        because: 'addresses-out',
        stayLoaded: ['ksplice_abc_sctp_new', 'ksplice_abc_vmlinux_new'],
        coreUnloaded: false,
      });
      expect((await viewUpdate('abc', kernel)).note).toMatch(/undo abc --dangling` unloads it/);
      const gone = await undoUpdate('abc', kernel, { ...NO_WAIT, dangling: true }, silentUi);
      expect(gone).toMatchObject({ because: null, stayLoaded: [], coreUnloaded: true });
      expect(kernel.events).toEqual([
        'stage abc reversed failed',
        'keep abc 0',
        'stage abc reversed',
        'rmmod ksplice_abc_sctp_new',
        'rmmod ksplice_abc_vmlinux_new',
        'rmmod ksplice',
      ]);
    }),
  );

  it(
    'does not let new code go because an undo before that was refused had been told to',
    inKernelWith(['abc'], async (kernel) => {
      await kernel.put('sys/kernel/ksplice/abc/keep', '1\n');
      kernel.refusals.push({ word: 'probed' });
      const dangling = { ...NO_WAIT, dangling: true };
      await expect(undoUpdate('abc', kernel, dangling, silentUi)).rejects.toMatchObject({
        details: { stage: 'applied' },
      });
      await undoUpdate('abc', kernel, NO_WAIT, silentUi);
      expect(kernel.events.slice(0, 4)).toEqual([
        'keep abc 0',
        'stage abc reversed failed',
        'keep abc 1',
        'stage abc reversed',
      ]);
    }),
  );

  it(
    'says that the old code is back when a task is left in the new, and goes on from there',
    inKernelWith(['abc'], async (kernel) => {
      await kernel.put('sys/kernel/ksplice/abc/stage', 'leaving\n');
      const place = 'poll.ksplice_abc+0x1c/0x90 [x]';
      kernel.refusals.push({ word: 'code_busy', conflicts: `7 httpd ${place}\n` });
      await expect(undoUpdate('abc', kernel, NO_WAIT, silentUi)).rejects.toMatchObject({
        code: 'busy',
        message: expect.stringMatching(
          /old code of abc runs again.*: httpd \(7\) in poll\+0x1c\/0x90 \[x\]$/,
        ),
        details: { stage: 'leaving' },
      });
      expect(kernel.modules).toContain('ksplice_abc_sctp_new');
      await undoUpdate('abc', kernel, NO_WAIT, silentUi);
      expect(kernel.modules).toEqual(['sctp']);
    }),
  );

  it.each([
    ['leaving', /old code of abc runs again, .*new code, which stays loaded: httpd \(7\) in poll/],
    [undefined, /update abc stays applied$/],
  ])('says what is so when it is interrupted while it waits: %s', (stage, message) =>
    inKernelWith(['abc'], async (kernel) => {
      const controller = new AbortController();
      kernel.refusals.push({
        word: 'code_busy',
        conflicts: '7 httpd poll+0x1c/0x90 [x]\n',
        ...(stage ? { stage } : {}),
      });
      kernel.onEvent = () => controller.abort();
      const ui = { ...silentUi, signal: controller.signal };
      await expect(undoUpdate('abc', kernel, { timeout: 60_000 }, ui)).rejects.toMatchObject({
        code: 'interrupted',
        message: expect.stringMatching(message),
        advice: expect.stringContaining('`ksplice-ts undo abc`'),
        details: { stage: stage ?? 'applied' },
      });
      expect(kernel.modules).toContain('ksplice_abc_sctp_new');
    })(),
  );

  it(
    'says that the old code is back when it is interrupted and a module stays',
    inKernelWith(['abc'], async (kernel) => {
      const controller = new AbortController();
      kernel.stuck.add('ksplice_abc_vmlinux_new');
      kernel.onEvent = () => controller.abort();
      const ui = { ...silentUi, signal: controller.signal };
      await expect(undoUpdate('abc', kernel, NO_WAIT, ui)).rejects.toMatchObject({
        code: 'interrupted',
        message: expect.stringMatching(
          /old code of abc runs again, .* loaded: ksplice_abc_vmlinux_new\. Before that: .*cannot be unloaded/,
        ),
        details: { stage: 'reversed', during: 'load-failed' },
      });
    }),
    20_000,
  );

  it(
    'says that the old code is back whatever keeps the new code loaded',
    inKernelWith(['abc'], async (kernel) => {
      kernel.refusals.push({ word: 'unexpected', stage: 'leaving', errno: 'EINVAL' });
      const error = (await undoUpdate('abc', kernel, NO_WAIT, silentUi).catch(
        (e) => e,
      )) as Error & {
        advice: string;
      };
      expect(error.message).toMatch(/^the old code of abc runs again, but the new code stays/);
      expect(error.advice).not.toContain('Nothing was changed');
      expect(error.advice).toContain('`ksplice-ts undo abc`');
    }),
  );

  it(
    'puts the old code back where no module can be unloaded, and says what stays, each time',
    inKernelWith(['abc'], async (kernel) => {
      await kernel.put('proc/sys/kernel/modules_disabled', '1\n');
      const stayLoaded = ['ksplice_abc_sctp_new', 'ksplice_abc_vmlinux_new'];
      expect(await undoUpdate('abc', kernel, NO_WAIT, silentUi)).toMatchObject({
        changed: true,
        coreUnloaded: false,
        stayLoaded,
      });
      expect(kernel.events).toEqual(['stage abc reversed']);
      expect(await viewUpdate('abc', kernel)).toMatchObject({
        stage: 'reversed',
        modules: stayLoaded,
        note: expect.stringMatching(/old code runs again.* until the next boot/),
      });
      expect(await undoUpdate('abc', kernel, NO_WAIT, silentUi)).toMatchObject({
        changed: false,
        stayLoaded,
      });
      expect(kernel.events).toEqual(['stage abc reversed']);
    }),
  );

  it(
    'tells a write that the core did not allow from a refusal, and does not try it again',
    inKernelWith(['abc'], async (kernel) => {
      kernel.refusals.push({ word: 'code_busy', errno: 'EPERM' });
      await expect(undoUpdate('abc', kernel, { timeout: 60_000 }, silentUi)).rejects.toMatchObject({
        code: 'not-root',
        message: expect.stringContaining('EPERM'),
        advice: expect.stringContaining('CAP_SYS_MODULE'),
      });
      expect(kernel.modules).toContain('ksplice_abc_sctp_new');
    }),
  );

  it(
    'tells of a stack that nobody can read',
    inKernelWith(['abc'], async (kernel) => {
      kernel.refusals.push({ word: 'code_busy', conflicts: '7 httpd unreliable\n' });
      await expect(undoUpdate('abc', kernel, NO_WAIT, silentUi)).rejects.toMatchObject({
        message: expect.stringMatching(/: the stack of httpd \(7\) cannot be walked$/),
      });
    }),
  );

  it(
    'names the probes that are in the old code, and where',
    inKernelWith(['abc'], async (kernel) => {
      kernel.refusals.push({ word: 'probed' });
      const line = (place: string, rest: string) => `ffffffff81000000  k  ${place}   ${rest}\n`;
      await kernel.put(
        'sys/kernel/debug/kprobes/list',
        [
          line('tcp_v4_rcv+0x1d', ''),
          line('tcp_v4_rcv+0x384', '[DISABLED]'),
          line('tcp_v4_rcv+0x4', 'ksplice_abc_vmlinux_new [FTRACE]'),
          line('tcp_v4_rcv+0x0', ' [FTRACE]'),
          line('udp_rcv+0x1d', ''),
          line('tcp_v4_rcv+0x383', ' [OPTIMIZED]'),
        ].join(''),
      );
      const error = (await undoUpdate('abc', kernel, NO_WAIT, silentUi).catch((e) => e)) as Error;
      expect(error).toMatchObject({ code: 'aborted', details: { abortCause: 'probed' } });
      expect(error.message).toMatch(/: a probe at tcp_v4_rcv\+0x1d; a probe at tcp_v4_rcv\+0x383$/);
    }),
  );

  it.each([
    ['cpu_offline', '0 swapper/3 unreliable\n', /undone: a CPU went offline .*: CPU 3$/],
    ['code_busy', '0 exiting unreliable\n', /: a task that exits, and is in no list$/],
  ])('says in words what has no process: %s', (word, conflicts, message) =>
    inKernelWith(['abc'], async (kernel) => {
      kernel.refusals.push({ word, conflicts, errno: 'EINVAL' });
      await expect(undoUpdate('abc', kernel, NO_WAIT, silentUi)).rejects.toMatchObject({
        code: 'busy',
        message: expect.stringMatching(message),
      });
    })(),
  );

  it(
    'does not speak of a task that is in the new code where none was found',
    inKernelWith(['abc'], async (kernel) => {
      kernel.refusals.push({ word: 'code_busy', stage: 'leaving' });
      await expect(undoUpdate('abc', kernel, NO_WAIT, silentUi)).rejects.toMatchObject({
        code: 'busy',
        message: expect.stringMatching(/^the old code of abc runs again, .*stays loaded.* yet/),
        advice: expect.stringContaining('`ksplice-ts undo abc`'),
      });
    }),
  );

  it(
    'unloads what an apply that was killed has left, without a switch',
    inKernelWith(['abc'], async (kernel) => {
      await kernel.put('sys/kernel/ksplice/abc/stage', 'preparing\n');
      await undoUpdate('abc', kernel, NO_WAIT, silentUi);
      expect(kernel.events.join()).not.toContain('stage');
      expect(kernel.modules).toEqual(['sctp']);
    }),
  );

  it(
    'says so when only the unloading failed',
    inKernelWith(['abc'], async (kernel) => {
      kernel.stuck.add('ksplice_abc_vmlinux_new');
      await expect(undoUpdate('abc', kernel, NO_WAIT, silentUi)).rejects.toMatchObject({
        code: 'load-failed',
        message: expect.stringContaining('the old code of abc runs again, but'),
      });
      expect(await kernel.stageOf('abc')).toBe('reversed');
    }),
    20_000,
  );

  it(
    'refuses an update that is not there, and names those that are',
    inKernelWith(['xyz'], async (kernel) => {
      await expect(undoUpdate('abc', kernel, NO_WAIT, silentUi)).rejects.toMatchObject({
        code: 'not-applied',
        advice: 'Applied updates: xyz.',
      });
      expect(kernel.events).toEqual([]);
    }),
  );

  it('is for root', async () => {
    await withDirectory(async (where) => {
      const kernel = await new SimulatedKernel(where, 1000).boot();
      await expect(undoUpdate('abc', kernel, NO_WAIT, silentUi)).rejects.toMatchObject({
        code: 'not-root',
      });
    });
  });
});
