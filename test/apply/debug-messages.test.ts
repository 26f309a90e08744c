// Messages of pr_debug() that are on, in the words of the kernel's list.

import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { applyUpdate } from '../../src/apply/apply.js';
import { ordersFor, parseMessages } from '../../src/apply/debug-messages.js';
import { silentUi, type Ui } from '../../src/base/ui.js';
import { readUpdate } from '../../src/update/read.js';
import type { Update } from '../../src/update/update.js';
import { writeUpdate } from '../../src/update/write.js';
import { makeSample, withDirectory } from '../update/sample.js';
import { SimulatedKernel } from './simulated-kernel.js';

const HEAD = '# filename:lineno [module]function flags format';
const list = (...lines: string[]) => [HEAD, ...lines, ''].join('\n');

describe('the list', () => {
  it('is read line by line', () => {
    const text = list(
      'net/sctp/input.c:212 [sctp]sctp_rcv =_ "%s: asoc:%p\\n"',
      'init/main.c:1366 [main]run_init_process =pmf "    \\"%s\\" = [x]y =p\\n"',
    );
    expect(parseMessages(text)).toEqual([
      {
        file: 'net/sctp/input.c',
        line: 212,
        module: 'sctp',
        func: 'sctp_rcv',
        flags: '',
        text: '"%s: asoc:%p\\n"',
      },
      {
        file: 'init/main.c',
        line: 1366,
        module: 'main',
        func: 'run_init_process',
        flags: 'pmf',
        text: '"    \\"%s\\" = [x]y =p\\n"',
      },
    ]);
  });

  it.each([
    ['a class', 'drivers/a.c:3 [drm]f =p "text\\n" class:DRM_UT_CORE'],
    ['a class that is not known', 'drivers/a.c:3 [drm]f =p "text\\n" class unknown, _id:4'],
    ['no flags', 'drivers/a.c:3 [drm]f "text"'],
    ['nothing in it', ''],
  ])('leaves out a line with %s', (_, line) => {
    expect(parseMessages(list(line))).toEqual([]);
  });
});

describe('orders for new code', () => {
  const sctp = new Map([['ksplice_one_sctp_new', 'sctp']]);
  const old = (line: number, flags: string, more: { module?: string; func?: string } = {}) =>
    `net/a.c:${line} [${more.module ?? 'sctp'}]${more.func ?? 'f'} =${flags} "text\\n"`;
  const fresh = (line: number, more: { module?: string; func?: string } = {}) =>
    old(line, '_', { module: 'ksplice_one_sctp_new', ...more });
  const order = (line: number, flags: string) =>
    `module ksplice_one_sctp_new func f line ${line} =${flags}`;

  it.each([
    ['take over what is on', [old(3, 'p'), fresh(3)], [order(3, 'p')]],
    ['take over how it is printed', [old(3, 'pft'), fresh(3)], [order(3, 'pft')]],
    ['find a message that has moved', [old(3, 'p'), fresh(9)], [order(9, 'p')]],
    ['are none where all is off', [old(3, '_'), fresh(3)], []],
    ['are none for other functions', [old(3, 'p', { func: 'g' }), fresh(3)], []],
    ['are none for other modules', [old(3, 'p', { module: 'other' }), fresh(3)], []],
    [
      'tell messages of one text by their lines',
      [old(3, 'p'), old(5, '_'), fresh(3), fresh(5)],
      [order(3, 'p')],
    ],
    [
      'go by an update below',
      [old(3, '_'), old(3, 'p', { module: 'ksplice_below_sctp_new' }), fresh(3)],
      [order(3, 'p')],
    ],
    ['are given once', [old(3, 'p'), fresh(3), fresh(3)], [order(3, 'p')]],
  ])('%s', (_, lines, orders) => {
    expect(ordersFor(list(...lines), sctp)).toEqual(orders);
  });

  it('are none where all of many are off', () => {
    const lines = Array.from({ length: 3000 }, (_, line) => old(line, '_'));
    expect(ordersFor(list(...lines, fresh(3)), sctp)).toEqual([]);
    // One that is on is found among them.
    expect(ordersFor(list(...lines, old(3, 'p'), fresh(3)), sctp)).toEqual([order(3, 'p')]);
  });

  it('of the kernel proper go by any name of a module', () => {
    const lines = [old(3, 'p', { module: 'tcp_ipv4' }), fresh(3, { module: 'k_new' })];
    const orders = ordersFor(list(...lines), new Map([['k_new', 'vmlinux']]));
    expect(orders).toEqual(['module k_new func f line 3 =p']);
  });
});

describe('apply', () => {
  let update: Update;
  const ON = list(
    'net/sctp/input.c:9 [sctp]sctp_rcv =p "text\\n"',
    'net/sctp/input.c:9 [ksplice_abc12345_sctp_new]sctp_rcv =_ "text\\n"',
  );
  const ORDER = 'module ksplice_abc12345_sctp_new func sctp_rcv line 9 =p';

  beforeAll(async () => {
    update = await withDirectory(async (where) => {
      const archive = path.join(where, 'u.tar.gz');
      await writeUpdate((await makeSample(where)).directory, archive);
      return readUpdate(archive);
    });
  });

  const applied = async (file: string, errno?: string, sections: readonly string[] = []) =>
    withDirectory(async (where) => {
      const kernel = await new SimulatedKernel(where).boot();
      await kernel.put(file, ON);
      const lists: string[] = [];
      const read = kernel.read.bind(kernel);
      kernel.read = async (...parts: string[]) => {
        if (parts.join('/').endsWith('dynamic_debug/control')) lists.push(parts.join('/'));
        return read(...parts);
      };
      const names = kernel.list.bind(kernel);
      kernel.list = async (directory: string) =>
        directory.endsWith('_new/sections') ? [...sections] : names(directory);
      kernel.messagesErrno = errno;
      const warnings: string[] = [];
      const ui: Ui = { ...silentUi, warn: (text) => warnings.push(text) };
      const { stage } = await applyUpdate(update, kernel, { timeout: 0 }, ui);
      return { events: kernel.events, warnings, stage, lists };
    });

  it.each(['proc/dynamic_debug/control', 'sys/kernel/debug/dynamic_debug/control'])(
    'gives them to %s between loading and the switch',
    async (file) => {
      const { events, warnings } = await applied(file);
      const at = events.indexOf(`dynamic_debug ${ORDER}`);
      expect(events.slice(at - 1, at + 2)).toEqual([
        'insmod ksplice_abc12345_sctp_new',
        `dynamic_debug ${ORDER}`,
        'stage abc12345 applied',
      ]);
      expect(warnings).toEqual([]);
    },
  );

  it('asks for the list only if the new code has messages', async () => {
    const control = 'proc/dynamic_debug/control';
    for (const name of ['__dyndbg', '__verbose']) {
      const { events, lists } = await applied(control, undefined, ['.text', name]);
      expect(events).toContain(`dynamic_debug ${ORDER}`);
      expect(lists).toHaveLength(1);
    }
    const { events, lists } = await applied(control, undefined, ['.text', '.data']);
    expect(events.join()).not.toContain('dynamic_debug');
    expect(lists).toEqual([]);
  });

  it('goes on if the kernel does not take them, and says what to do', async () => {
    const { stage, warnings } = await applied('proc/dynamic_debug/control', 'EPERM');
    expect(stage).toBe('applied');
    expect(warnings).toEqual([expect.stringContaining(`(EPERM): write "${ORDER}" to /`)]);
  });
});
