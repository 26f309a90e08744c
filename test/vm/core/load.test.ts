// Switches while functions are called and files are read, on two processors at the same moment.

import { describe, expect, it } from 'vitest';
import { hasOption, testKernel } from '../../kernels/kernel.js';
import type { Guest } from '../harness/index.js';
import type { Scene } from './scene.js';
import { bootScene, unloadAfterEach } from './set-up.js';
import { updates } from './updates.js';

const traced = await hasOption(await testKernel(), 'FUNCTION_TRACER');

let guest: Guest;
let scene: Scene;
bootScene('core-load', updates, (setUp) => {
  ({ guest, scene } = setUp);
});
unloadAfterEach(() => guest);

describe('under load', () => {
  const whileRunning = (commands: string) =>
    guest.spawn(
      `while [ ! -e /run/test/stop ]; do [ -e /run/test/pause ] && sleep 0.1 || { ${commands}; }; done`,
    );
  // Switching a tracer rewrites code under running processors, where QEMU's emulator
  // can go on executing a breakpoint that is gone. So nobody calls the functions then.
  const tracing = async (commands: string) => {
    if (!traced) return;
    const quiet = 'touch /run/test/pause; sleep 1';
    await guest.ok(`${quiet}; cd /sys/kernel/tracing && ${commands}; rm /run/test/pause`);
  };

  it('no call sees anything but the old or the new function', async () => {
    await tracing("echo 0 >options/record-cmd && echo 'core_*' >set_ftrace_filter");
    const calls = 'cat plain bare label | sort -u >>/run/test/seen';
    const callers = [1, 2].map(() =>
      whileRunning(`cd /sys/module/core_target/parameters; ${calls}`),
    );
    const reader = whileRunning('cat /sys/kernel/ksplice/*/* >/dev/null 2>&1');
    const writer = whileRunning(
      'for s in applied reversed; do echo $s >/sys/kernel/ksplice/bare/stage; done 2>/dev/null',
    );
    const [bare] = scene.built('bare').modules;
    // As long as it takes: the loops leave little of the emulator to the writer.
    const reversed = 'until grep -q reversed /sys/kernel/ksplice/bare/stage; do sleep 0.1; done';
    for (let round = 0; round < 2; round++) {
      await scene.load('pair');
      await tracing('echo function >current_tracer');
      await scene.apply('pair');
      await guest.ok('sleep 0.5');
      await tracing('echo nop >current_tracer');
      await scene.remove('pair');
      // The writer applies and reverses this one.
      await guest.ok(`insmod ${bare!.old} && insmod ${bare!.new}`);
      await guest.ok(reversed, { timeoutMs: 300_000 });
      await scene.unload('bare');
    }
    await guest.ok('touch /run/test/stop');
    for (const one of [...callers, reader, writer]) await one.finished(300_000);
    const seen = (await guest.ok('sort -u /run/test/seen')).split('\n');
    expect(seen).toEqual([
      'new core_bare',
      'new core_label',
      'new core_plain',
      'old bare',
      'old label off',
      'old plain',
    ]);
    await tracing('echo >set_ftrace_filter');
  });
});
