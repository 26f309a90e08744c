// The kernel's text has other writers than the core: jump labels, function tracing, kprobes, the
// kernel's own livepatches. A kernel that lacks one of them has no tests of it.

import { describe, expect, it } from 'vitest';
import { hasOption, testKernel } from '../../kernels/kernel.js';
import { where } from '../../support/where.js';
import type { Guest } from '../harness/index.js';
import type { Base } from './kbuild.js';
import type { Scene } from './scene.js';
import { bootScene, type SetUp, unloadAfterEach } from './set-up.js';
import { updates } from './updates.js';

const kernel = await testKernel();
const [traced, graphed, probed, livepatched] = await Promise.all([
  hasOption(kernel, 'FUNCTION_TRACER'),
  hasOption(kernel, 'FUNCTION_GRAPH_TRACER'),
  hasOption(kernel, 'KPROBES'),
  hasOption(kernel, 'LIVEPATCH'),
]);
const UNTRACED = 'it has no function tracing';
const used = ['plain', 'bare', 'label', 'barelabel', 'halfbad', 'short'];
const some = updates.filter(({ id }) => used.includes(id));

let base: Base;
let guest: Guest;
let scene: Scene;
const take = (setUp: SetUp) => {
  ({ base, guest, scene } = setUp);
};
bootScene('core-others', some, take, { parallel: false });
unloadAfterEach(() => guest);

describe('text that the kernel rewrites', () => {
  it('is not written over: a jump label at the start', async () => {
    await scene.load('barelabel');
    await scene.refused('barelabel', 'applied', 'reserved_text');
    for (const [value, word] of [
      ['1', 'on'],
      ['0', 'off'],
    ]) {
      await scene.set('key', value!);
      expect(await scene.call('bare_label')).toBe(`old bare label ${word}`);
    }
    await scene.unload('barelabel');
  });

  it('keeps all functions of an update as they are', async () => {
    await scene.load('halfbad');
    await scene.refused('halfbad', 'applied', 'reserved_text');
    expect(await scene.call('plain')).toBe('old plain');
    await scene.unload('halfbad');
  });

  where(traced, UNTRACED).it('is left alone where ftrace can redirect the function', async () => {
    const enabled = () =>
      guest.ok(`grep -w core_label ${scene.trace('enabled_functions')} || true`);
    await scene.load('label');
    await scene.apply('label');
    expect(await enabled()).toMatch(/^core_label .*\(1\).* I/);
    for (const value of ['1', '0', '1']) {
      await scene.set('key', value);
      expect(await scene.call('label')).toBe('new core_label');
    }
    await scene.remove('label');
    expect(await enabled()).toBe('');
    expect(await scene.call('label')).toBe('old label on');
    await scene.set('key', '0');
    expect(await scene.call('label')).toBe('old label off');
  });

  it('is not written over: a function that ends before the jump would', async () => {
    await scene.load('short');
    await scene.refused('short', 'applied', 'reserved_text');
    await scene.unload('short');
  });
});

where(probed, 'it has no kprobes').describe('a kprobe', () => {
  const events = '/sys/kernel/tracing/kprobe_events';
  const probe = async (where: string, enable: boolean) => {
    await guest.ok(`echo 'p:core/probe core_target:${where}' >>${events}`);
    if (enable) await guest.ok('echo 1 >/sys/kernel/tracing/events/core/probe/enable');
  };
  const unprobe = async () => {
    await guest.ok('echo 0 >/sys/kernel/tracing/events/core/probe/enable');
    await guest.ok(`echo '-:core/probe' >>${events}`);
  };

  it('in the way keeps an update from being matched, until it is gone', async () => {
    await probe('core_plain+5', true);
    await scene.load('plain');
    const state = await scene.refused('plain', 'applied', 'probed');
    expect(state.match).toMatch(/^core_target \S+ core_plain\+0x5 expected \w+ found probed$/);
    await unprobe();
    await scene.apply('plain');
    await scene.remove('plain');
  });

  it('that comes after the match keeps it from being applied', async () => {
    await scene.load('plain');
    for (const enable of [true, false]) {
      await probe('core_plain+5', enable);
      await scene.refused('plain', 'applied', 'probed');
      expect(await scene.call('plain')).toBe('old plain');
      await unprobe();
    }
    await scene.apply('plain');
    await scene.remove('plain');
  });

  it('on the jump keeps an update from being undone, until it is gone', async () => {
    await scene.load('plain');
    await scene.apply('plain');
    for (const enable of [true, false]) {
      await probe('core_plain+5', enable);
      await scene.refused('plain', 'reversed', 'probed');
      expect(await scene.call('plain')).toBe('new core_plain');
      await unprobe();
      expect(await scene.call('plain')).toBe('new core_plain');
    }
    await scene.remove('plain');
    expect(await scene.call('plain')).toBe('old plain');
  });

  it('at the entry goes on through apply and undo', async () => {
    await guest.ok(`echo 'p:core/entry core_target:core_plain' >>${events}`);
    await guest.ok(`echo 'r:core/return core_target:core_plain' >>${events}`);
    await guest.ok('echo 1 >/sys/kernel/tracing/events/core/enable');
    const hits = async () => {
      const profile = await guest.ok('cat /sys/kernel/tracing/kprobe_profile');
      return ['entry', 'return'].map((name) => {
        const line = new RegExp(`^\\s*${name}\\s+(\\d+)\\s+(\\d+)$`, 'm').exec(profile);
        expect(line?.[2]).toBe('0');
        return Number(line?.[1]);
      });
    };
    expect(await scene.call('plain')).toBe('old plain');
    await scene.load('plain');
    await scene.apply('plain');
    expect(await scene.call('plain')).toBe('new core_plain');
    expect(await hits()).toEqual([2, 2]);
    await scene.remove('plain');
    expect(await scene.call('plain')).toBe('old plain');
    expect(await hits()).toEqual([3, 3]);
    await guest.ok('echo 0 >/sys/kernel/tracing/events/core/enable');
    await guest.ok(`echo '-:core/entry' >>${events}; echo '-:core/return' >>${events}`);
  });
});

where(livepatched, 'it has no livepatches').describe("the kernel's own livepatch", () => {
  const settled = (file: string, value: string) =>
    guest.ok(
      `for i in $(seq 300); do [ "$(cat ${file} 2>/dev/null)" = "${value}" ] && exit; sleep 0.1; done; exit 1`,
      { timeoutMs: 60_000 },
    );
  const sysfs = '/sys/kernel/livepatch/core_livepatch';
  const insert = async () => {
    await guest.ok(`insmod ${base.livepatch}`);
    await settled(`${sysfs}/transition`, '0');
    expect(await scene.call('plain')).toBe('livepatched plain');
  };
  const remove = async () => {
    await guest.ok(`echo 0 >${sysfs}/enabled`);
    await settled(`${sysfs}/transition`, '');
    await guest.ok('rmmod core_livepatch');
  };

  it('of a function keeps an update from replacing it, until it is gone', async () => {
    await insert();
    await scene.load('plain');
    const state = await scene.refused('plain', 'applied', 'livepatched');
    expect(state.match).toMatch(
      /core_plain\+0x0 expected unchanged found replaced-by-core_livepatch$/,
    );
    expect(await scene.call('plain')).toBe('livepatched plain');
    await remove();
    await scene.apply('plain');
    expect(await scene.call('plain')).toBe('new core_plain');
    await scene.remove('plain');
    expect(await scene.call('plain')).toBe('old plain');
  });

  it('that comes after the match keeps it from being applied, and no other function', async () => {
    await scene.load('plain');
    await scene.load('bare');
    await insert();
    await scene.refused('plain', 'applied', 'livepatched');
    await scene.apply('bare');
    expect(await scene.call('bare')).toBe('new core_bare');
    await scene.remove('bare');
    await scene.unload('plain');
    await remove();
    expect(await scene.call('plain')).toBe('old plain');
  });
});

where(traced, UNTRACED).describe('function tracing', () => {
  for (const tracer of ['function', 'function_graph']) {
    const has = tracer === 'function' || graphed;
    where(has, 'it cannot trace graphs').it(
      `${tracer} shows the function before, during and after`,
      async () => {
        await guest.ok(
          `cd /sys/kernel/tracing && echo core_plain >set_ftrace_filter && echo ${tracer} >current_tracer`,
        );
        const calls = async () => {
          const trace = await guest.ok(
            `grep -c 'core_plain' ${scene.trace('trace')}; echo >${scene.trace('trace')}`,
          );
          return Number(trace.split('\n')[0]);
        };
        await calls();
        expect([await scene.call('plain'), await calls()]).toEqual(['old plain', 1]);
        await scene.load('plain');
        await scene.apply('plain');
        expect([await scene.call('plain'), await calls()]).toEqual(['new core_plain', 1]);
        await guest.ok('cd /sys/kernel/tracing && echo nop >current_tracer');
        expect([await scene.call('plain'), await calls()]).toEqual(['new core_plain', 0]);
        await guest.ok(`cd /sys/kernel/tracing && echo ${tracer} >current_tracer`);
        await scene.remove('plain');
        expect([await scene.call('plain'), await calls()]).toEqual(['old plain', 1]);
        await guest.ok(
          'cd /sys/kernel/tracing && echo nop >current_tracer && echo >set_ftrace_filter',
        );
      },
    );
  }
});
