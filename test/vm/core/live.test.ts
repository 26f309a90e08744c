// What lives while an update comes and goes: tasks whose stack cannot be walked to its end, what new
// code leaves behind, processors that are offline, tracers. Most of this ended in a panic when the core
// did not look.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { hasOption, testKernel } from '../../kernels/kernel.js';
import { where } from '../../support/where.js';
import type { Guest } from '../harness/index.js';
import type { Update } from './kbuild.js';
import type { Scene } from './scene.js';
import { bootScene, type SetUp, unloadAfterEach } from './set-up.js';

const kernel = await testKernel();
const [traced, probed, preempts, waits] = await Promise.all([
  hasOption(kernel, 'FUNCTION_TRACER'),
  hasOption(kernel, 'KPROBES'),
  hasOption(kernel, 'PREEMPTION'),
  hasOption(kernel, 'TASKS_RCU'),
]);

const UNPROBED = 'it has no kprobes';
const update = (id: string, ...functions: string[]): Update => ({
  id,
  changes: [{ target: 'core_target', functions }],
});
const updates = [
  update('plain', 'core_plain'),
  update('padded', 'core_padded'),
  update('hidden', 'core_hidden'),
  update('callbacks', 'core_callbacks'),
  update('thread', 'core_thread'),
  update('nokprobe', 'core_nokprobe'),
  update('barenokprobe', 'core_bare_nokprobe'),
  update('helper', 'core_plain'),
];

// Made before the guest boots, so that it sees it.
const folder = await mkdtemp(join(tmpdir(), 'ksplice-live-'));
const textPokes = join(folder, 'text-pokes');
const source = join(import.meta.dirname, '../../fixtures/live/text-pokes.c');
await execa('gcc', ['-O2', '-Wall', '-o', textPokes, source]);
afterAll(() => rm(folder, { recursive: true, force: true }));

let guest: Guest;
let scene: Scene;
const take = (setUp: SetUp) => {
  ({ guest, scene } = setUp);
};
bootScene('core-live', updates, take, { parallel: false });
unloadAfterEach(() => guest);

describe('a stack that ends where stacks do not end', () => {
  it('is no stack that was walked: the task may be in the code', async () => {
    await scene.load('hidden');
    const old = guest.spawn('cat /proc/core_hidden');
    await guest.ok('sleep 1');
    const { conflicts } = await scene.refused('hidden', 'applied', 'code_busy');
    expect(conflicts).toMatch(/^\d+ cat unreliable$/m);
    await scene.set('wake', '1');
    expect((await old.finished()).stdout).toBe('old hidden 7\n');

    await scene.apply('hidden');
    const task = guest.spawn('cat /proc/core_hidden');
    await guest.ok('sleep 1');
    const state = await scene.refused('hidden', 'reversed', 'code_busy');
    expect(state.conflicts).toMatch(/^\d+ cat unreliable$/m);
    task.kill();
    await task.finished();
    await scene.remove('hidden');
  });

  it('is that of no task on an idle machine: user tasks, kernel threads, idle tasks', async () => {
    // All of them are walked to be applied; with this parameter in the stop as well.
    await guest.ok('echo 1 >/sys/module/ksplice/parameters/full_walk');
    await scene.load('plain');
    const { timing } = await scene.apply('plain');
    const [, tasks, walked] = / tasks=(\d+) walked=(\d+)/.exec(timing)!.map(Number);
    expect(walked!).toBeGreaterThan(tasks! - 4);
    await scene.remove('plain');
    await guest.ok('echo 0 >/sys/module/ksplice/parameters/full_walk');
  });
});

describe('what new code has started', () => {
  it('RCU callbacks: undo waits for them', async () => {
    await scene.load('callbacks');
    await scene.apply('callbacks');
    expect(await scene.call('callbacks')).toBe('new callbacks');
    await scene.remove('callbacks');
    expect(await scene.call('callbacks')).toBe('old callbacks');
  });

  it('a thread that has not begun: it is in the way of undo', async () => {
    await scene.load('thread');
    await scene.apply('thread');
    expect(await scene.call('thread')).toBe('made');
    const { conflicts } = await scene.refused('thread', 'reversed', 'code_busy');
    expect(conflicts).toMatch(/^\d+ core_thread never\+0x0\//m);
    expect(await scene.call('thread')).toBe('ended');
    await scene.remove('thread');
  });
});

where(preempts && waits, 'its tasks are not preempted, or it has no Tasks RCU').describe(
  'a task that left the list before the core was loaded',
  () => {
    it('may stand where the jump goes: nothing is applied before all have been switched out', async () => {
      await guest.ok('rmmod ksplice');
      await scene.set('spin', '1');
      await scene.startCore();
      await scene.load('plain');
      for (const word of ['try', 'applied'] as const) {
        const { conflicts } = await scene.refused('plain', word, 'code_busy');
        expect(conflicts).toBe('');
        expect(await scene.call('plain')).toBe('old plain');
      }
      await scene.set('spin', '0');
      await scene.apply('plain');
      expect(await scene.call('plain')).toBe('new core_plain');
      await scene.remove('plain');
    });
  },
);

describe('a processor', () => {
  const turn = (to: 0 | 1) => guest.ok(`echo ${to} >/sys/devices/system/cpu/cpu1/online`);

  it('that went offline since an update was applied may be in it: no undo before it is back', async () => {
    await scene.load('plain');
    await scene.apply('plain');
    await turn(0);
    const { conflicts } = await scene.refused('plain', 'reversed', 'cpu_offline');
    expect(conflicts).toMatch(/^0 swapper\/1 unreliable$/);
    expect(await scene.call('plain')).toBe('new core_plain');
    await turn(1);
    await scene.remove('plain');
  });

  it('that was offline before is in nobody’s way', async () => {
    await turn(0);
    await scene.load('plain');
    await scene.apply('plain');
    await scene.remove('plain');
    await turn(1);
    await scene.load('plain');
    await scene.apply('plain');
    expect(await scene.call('plain')).toBe('new core_plain');
    await scene.remove('plain');
  });
});

where(probed, UNPROBED).describe('code that kprobes must keep away from', () => {
  where(traced, 'it has no function tracing').it(
    'is redirected by ftrace: nobody meets half a jump',
    async () => {
      await scene.load('nokprobe');
      const state = await scene.apply('nokprobe');
      expect(state.saved).toBe('');
      expect(await guest.ok(`grep -w core_nokprobe ${scene.trace('enabled_functions')}`)).toMatch(
        /\bI\b/,
      );
      expect(await scene.call('nokprobe')).toBe('new core_nokprobe');
      await scene.remove('nokprobe');
      expect(await scene.call('nokprobe')).toBe('old nokprobe');
    },
  );

  it('is not replaced where ftrace cannot help', async () => {
    await scene.load('barenokprobe');
    await scene.refused('barenokprobe', 'applied', 'in_interrupts');
    expect(await scene.call('bare_nokprobe')).toBe('old bare nokprobe');
    await scene.unload('barenokprobe');
  });
});

where(probed, UNPROBED).describe(
  'the code of the core that runs while a jump is half written',
  () => {
    /** With the copies that compilers make of a function. */
    const NAMES =
      /^(on_each_stopped_cpu|write_in_order|write_all|ksplice_copy|ksplice_redirect)(\.|$)/;

    it('is closed to probes and tracers: they call what may be just that function', async () => {
      const symbols = (await guest.ok("grep '\\[ksplice\\]$' /proc/kallsyms")).split('\n');
      const places = symbols
        .map((line) => line.split(/\s/))
        .filter(([, , name]) => NAMES.test(name!));
      for (const [address, , name] of places) {
        const { status } = await guest.run(
          `echo p:live/x 0x${address} >>/sys/kernel/tracing/kprobe_events`,
        );
        expect({ name, status }).toEqual({ name, status: 1 });
      }
      expect(places.length).toBeGreaterThanOrEqual(traced ? 5 : 4);
      if (!traced) return;
      const list = await guest.ok(
        "grep '\\[ksplice\\]' /sys/kernel/tracing/available_filter_functions",
      );
      const names = list.split('\n').map((line) => line.split(' ')[0]!);
      expect(names.length).toBeGreaterThan(20);
      expect(names.filter((name) => NAMES.test(name))).toEqual([]);
    });
  },
);

where(probed, UNPROBED).describe('a kprobe in old code that is out of use', () => {
  it('keeps it from coming back: it was put there when the jump was', async () => {
    const events = '/sys/kernel/tracing/kprobe_events';
    await scene.load('padded');
    const { functions } = await scene.apply('padded');
    const size = Number(functions.split(' ')[3]);
    // Where the kernel thinks that an instruction begins, behind the jump.
    let at = -1;
    for (let offset = 10; offset < size && at < 0; offset++) {
      const { status } = await guest.run(
        `echo 'p:live/x core_target:core_padded+${offset}' >>${events}`,
      );
      if (status === 0) at = offset;
    }
    expect(at).toBeGreaterThanOrEqual(10);
    for (const enabled of ['0', '1']) {
      await guest.ok(`echo ${enabled} >/sys/kernel/tracing/events/live/x/enable`);
      await scene.refused('padded', 'reversed', 'probed');
      expect(await scene.call('padded')).toBe('new core_padded');
    }
    const log = (await guest.dmesg()).map(({ text }) => text).join('\n');
    expect(log).toContain(`padded: there is a kprobe in core_padded at +0x${at.toString(16)}`);
    await guest.ok('echo 0 >/sys/kernel/tracing/events/live/x/enable');
    await guest.ok(`echo '-:live/x' >>${events}`);
    await scene.remove('padded');
    expect(await scene.call('padded')).toBe('old padded');
  });
});

describe('who records code', () => {
  it('is told of each jump, and when it goes', async () => {
    const recorder = guest.spawn(`exec ${textPokes}`);
    await recorder.output(/ready/);
    await scene.load('plain');
    const { functions, saved } = await scene.apply('plain');
    await scene.remove('plain');
    const entry = BigInt(functions.split(' ')[2]!);
    const [site, old] = saved.split(' ');
    const address = site!.slice(2);
    expect(BigInt(site!) - entry).toBeLessThan(16n);
    const lines = new RegExp(`^${address} ${old} (e9[0-9a-f]{8})\\n${address} \\1 ${old}$`, 'm');
    await recorder.output(lines);
    recorder.end();
    await recorder.finished();
  });
});

describe('an id', () => {
  it('that is the name of a file beside the updates is refused', async () => {
    const { old, new: added } = scene.built('helper').modules[0]!;
    for (const module of [old, added]) {
      expect(await guest.run(`insmod ${module}`)).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/Invalid parameters/),
      });
    }
    guest.expectLog(/ksplice_helper_core_target_\w+: bad id/);
  });
});

describe('root without capabilities', () => {
  const bounded = (line: string) =>
    guest.run(`setpriv --bounding-set -all --inh-caps -all bash -c '${line}'`);

  it('changes nothing, names no helper, and sees no address', async () => {
    await scene.load('plain');
    await scene.apply('plain');
    for (const [file, text] of [
      ['plain/stage', 'reversed'],
      ['plain/allow_busy', 'core_plain'],
      ['awaited', '+plain core_many'],
      ['helper', '/bin/false'],
    ]) {
      const { status, stderr } = await bounded(`echo ${text} >/sys/kernel/ksplice/${file}`);
      expect({ file, status, stderr }).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/not permitted/),
      });
    }
    const seconds = '/sys/module/ksplice/parameters/helper_seconds';
    expect(await bounded(`echo 4000000 >${seconds}`)).toMatchObject({
      stderr: expect.stringMatching(/not permitted/),
    });
    expect(await guest.ok(`cat ${seconds}; cat /sys/kernel/ksplice/helper`)).toBe('30');
    expect((await bounded('cat /sys/kernel/ksplice/plain/functions')).stdout).toMatch(
      /^core_target core_plain 0x0 \d+ 0x0\n$/,
    );
    expect(await bounded('cat /sys/kernel/ksplice/plain/saved')).toMatchObject({ stdout: '' });
    expect((await scene.state('plain')).stage).toBe('applied');
    await scene.remove('plain');
  });

  it('and other users see nothing of tasks', async () => {
    await scene.load('plain');
    const files = await guest.ok("stat -c '%a %n' /sys/kernel/ksplice/plain/*");
    for (const name of ['conflicts', 'match', 'functions', 'saved']) {
      expect(files).toMatch(new RegExp(`^400 \\S+/${name}$`, 'm'));
    }
    await scene.unload('plain');
  });

  it('nor does anybody see addresses where the kernel shows none', async () => {
    await scene.load('plain');
    await scene.apply('plain');
    await guest.ok('echo 2 >/proc/sys/kernel/kptr_restrict');
    expect(await guest.ok('cat /sys/kernel/ksplice/plain/functions')).toMatch(/ 0x0 \d+ 0x0$/);
    await guest.ok('echo 0 >/proc/sys/kernel/kptr_restrict');
    await scene.remove('plain');
  });
});
