import { chmod, mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { applyUpdate } from '../../src/apply/apply.js';
import type { KspliceError, Problem } from '../../src/base/errors.js';
import { silentUi, type Ui } from '../../src/base/ui.js';
import { encodeProgram } from '../../src/program/encode.js';
import { readUpdate } from '../../src/update/read.js';
import type { Update } from '../../src/update/update.js';
import { API_VERSION } from '../../src/update/update.js';
import { writeUpdate } from '../../src/update/write.js';
import { fixture, programOf } from '../match/support/programs.js';
import { makeSample, withDirectory } from '../update/sample.js';
import { SimulatedKernel } from './simulated-kernel.js';

const PREFIX = 'ksplice_abc12345';
const SEQUENCE = [
  'ksplice',
  `${PREFIX}_vmlinux_old`,
  `${PREFIX}_sctp_old`,
  `${PREFIX}_vmlinux_new`,
  `${PREFIX}_sctp_new`,
];
const NO_WAIT = { timeout: 0 };

let update: Update;

beforeAll(async () => {
  update = await withDirectory(async (where) => {
    const archive = path.join(where, 'u.tar.gz');
    await writeUpdate((await makeSample(where)).directory, archive);
    return readUpdate(archive);
  });
});

async function failure(action: Promise<unknown>): Promise<KspliceError> {
  try {
    await action;
  } catch (error) {
    expect(error).toMatchObject({ name: 'KspliceError' });
    return error as KspliceError;
  }
  throw new Error('it was applied');
}

const inKernel = (use: (kernel: SimulatedKernel) => Promise<void>) => () =>
  withDirectory(async (where) => use(await new SimulatedKernel(where).boot()));

/** The kernel is as it was before apply, and nothing is remembered of it. */
async function expectUntouched(kernel: SimulatedKernel): Promise<void> {
  expect(kernel.modules).toEqual(['sctp']);
  expect((await kernel.remembered()).filter((name) => name !== 'updates')).toEqual([]);
}

describe('applyUpdate', () => {
  it(
    'loads core, old code and new code, switches, and unloads the old code',
    inKernel(async (kernel) => {
      const applied = await applyUpdate(update, kernel, NO_WAIT, silentUi);
      expect(kernel.events).toEqual([
        ...SEQUENCE.map((name) => `insmod ${name}`),
        'stage abc12345 applied',
        `rmmod ${PREFIX}_sctp_old`,
        `rmmod ${PREFIX}_vmlinux_old`,
      ]);
      expect(applied).toMatchObject({ id: 'abc12345', attempts: 1 });
      expect(applied.timing).toEqual({ window_ns: 400000, attempts: 1, tasks: 90 });
      expect(applied.functions).toMatchObject([{ target: 'vmlinux', name: 'tcp_v4_rcv' }]);
      expect(await kernel.remembered()).toEqual([
        'updates',
        'updates/abc12345',
        'updates/abc12345/patch',
        'updates/abc12345/state.json',
      ]);
    }),
  );

  it.each(SEQUENCE)('leaves nothing when insmod refuses %s', async (name) => {
    await inKernel(async (kernel) => {
      kernel.unloadable.add(name);
      const error = await failure(applyUpdate(update, kernel, NO_WAIT, silentUi));
      expect(error.code).toBe('load-failed');
      expect(error.message).toContain(name);
      const before = SEQUENCE.slice(0, SEQUENCE.indexOf(name));
      expect(kernel.events).toEqual([
        ...before.map((module) => `insmod ${module}`),
        `insmod ${name} failed`,
        ...before.reverse().map((module) => `rmmod ${module}`),
      ]);
      await expectUntouched(kernel);
    })();
  });

  it.each(SEQUENCE)('leaves nothing when insmod of %s fails after loading it', async (name) => {
    await inKernel(async (kernel) => {
      kernel.loadedWithError.add(name);
      const error = await failure(applyUpdate(update, kernel, NO_WAIT, silentUi));
      expect(error.code).toBe('load-failed');
      await expectUntouched(kernel);
    })();
  });

  it.each(SEQUENCE)('leaves nothing when it is interrupted while %s is loaded', async (name) => {
    await inKernel(async (kernel) => {
      const controller = new AbortController();
      kernel.onEvent = (event) => {
        if (event === `insmod ${name}`) controller.abort();
      };
      const ui: Ui = { ...silentUi, signal: controller.signal };
      const error = await failure(applyUpdate(update, kernel, NO_WAIT, ui));
      expect(error.code).toBe('interrupted');
      expect(error.message).toBe('interrupted; the kernel is unchanged');
      await expectUntouched(kernel);
    })();
  });

  it(
    'says what is left when it is interrupted and a module stays',
    inKernel(async (kernel) => {
      const controller = new AbortController();
      const stuck = `${PREFIX}_sctp_old`;
      kernel.stuck.add(stuck);
      kernel.onEvent = (event) => {
        if (event === `insmod ${stuck}`) controller.abort();
      };
      const ui: Ui = { ...silentUi, signal: controller.signal };
      const error = await failure(applyUpdate(update, kernel, NO_WAIT, ui));
      expect(error.code).toBe('interrupted');
      expect(error.message).toMatch(new RegExp(`not applied, but .* still loaded: ${stuck}$`));
      expect(error.advice).toContain('`ksplice-ts undo abc12345`');
    }),
    20_000,
  );

  it(
    'stays applied when it is interrupted during the switch',
    inKernel(async (kernel) => {
      const controller = new AbortController();
      kernel.onEvent = (event) => {
        if (event.startsWith('stage')) controller.abort();
      };
      await applyUpdate(update, kernel, NO_WAIT, { ...silentUi, signal: controller.signal });
      expect(await kernel.stageOf('abc12345')).toBe('applied');
      expect(kernel.modules).not.toContain(`${PREFIX}_sctp_old`);
    }),
  );

  it(
    'tells where the running code differs, and loads no new code',
    inKernel(async (kernel) => {
      const line = 'vmlinux net/ipv4/tcp_ipv4.o tcp_v4_rcv+0x10 expected 90 found cc';
      kernel.matchResult = { word: 'no_match', match: `${line}\n` };
      const error = await failure(applyUpdate(update, kernel, NO_WAIT, silentUi));
      expect(error.code).toBe('no-match');
      expect(error.message).toContain('tcp_v4_rcv+0x10');
      expect(error.advice).toContain('check --live');
      expect(error.details).toMatchObject({ abortCause: 'no_match', match: [line] });
      expect(kernel.events.join()).not.toContain('_new');
      await expectUntouched(kernel);
    }),
  );

  it(
    'tries again while the code is in use',
    inKernel(async (kernel) => {
      kernel.refusals.push({ word: 'code_busy' }, { word: 'code_busy' });
      const said: string[] = [];
      const ui: Ui = { ...silentUi, detail: (text) => said.push(text) };
      const applied = await applyUpdate(update, kernel, { timeout: 5_000 }, ui);
      expect(applied.attempts).toBe(3);
      const pauses = said.flatMap((text) => /trying again in (\d+) ms/.exec(text)?.[1] ?? []);
      expect(pauses).toHaveLength(2);
      expect(Number(pauses[1])).toBe(2 * Number(pauses[0]));
    }),
  );

  it(
    'tells of each attempt, the latest first',
    inKernel(async (kernel) => {
      const write = kernel.write.bind(kernel);
      kernel.write = async (file, value) => {
        const answer = await write(file, value);
        const lines = 'window_ns=9 attempts=2\nwindow_ns=0 attempts=1\n';
        await kernel.put('sys/kernel/ksplice/abc12345/timing', lines);
        return answer;
      };
      const { timing, timings } = await applyUpdate(update, kernel, NO_WAIT, silentUi);
      expect(timing).toEqual({ window_ns: 9, attempts: 2 });
      expect(timings).toEqual([timing, { window_ns: 0, attempts: 1 }]);
    }),
  );

  it(
    'names the tasks that use the code, and gives up in time',
    inKernel(async (kernel) => {
      const refusal = { word: 'code_busy', conflicts: '812 nginx sctp_rcv [sctp]\n' };
      for (let i = 0; i < 100; i++) kernel.refusals.push(refusal);
      const started = Date.now();
      const error = await failure(applyUpdate(update, kernel, { timeout: 300 }, silentUi));
      // With all its pauses the list of refusals would take minutes.
      expect(Date.now() - started).toBeLessThan(30_000);
      expect(error.code).toBe('busy');
      expect(error.message).toContain('nginx (812) in sctp_rcv [sctp]');
      expect(error.details).toMatchObject({
        conflicts: [{ pid: 812, task: 'nginx', function: 'sctp_rcv [sctp]' }],
      });
      await expectUntouched(kernel);
    }),
  );

  it(
    'says what it waited for when no task is seen in the code',
    inKernel(async (kernel) => {
      kernel.refusals.push({ word: 'code_busy' });
      const error = await failure(applyUpdate(update, kernel, NO_WAIT, silentUi));
      expect(error.code).toBe('busy');
      expect(error.message).toMatch(/not every task has been switched out since then/);
      await expectUntouched(kernel);
    }),
  );

  it(
    'does not try again what waiting does not help',
    inKernel(async (kernel) => {
      kernel.refusals.push({ word: 'probed' });
      const error = await failure(applyUpdate(update, kernel, { timeout: 5_000 }, silentUi));
      expect(error).toMatchObject({ code: 'aborted', details: { abortCause: 'probed' } });
      expect(kernel.events.filter((event) => event.startsWith('stage'))).toHaveLength(1);
      await expectUntouched(kernel);
    }),
  );

  it(
    'says what is left when a module cannot be unloaded again',
    inKernel(async (kernel) => {
      kernel.unloadable.add(`${PREFIX}_sctp_new`);
      kernel.stuck.add(`${PREFIX}_vmlinux_old`);
      const error = await failure(applyUpdate(update, kernel, NO_WAIT, silentUi));
      expect(error.message).toContain(`${PREFIX}_sctp_new cannot be loaded`);
      expect(error.message).toContain(`${PREFIX}_vmlinux_old cannot be unloaded`);
      expect(error.advice).toContain('undo abc12345');
    }),
    20_000,
  );

  it(
    'cleans up after one that was killed half-way',
    inKernel(async (kernel) => {
      for (const name of SEQUENCE.slice(0, 4)) await kernel.add(name);
      await kernel.put('run/load-killed/x.ko', '');
      const warnings: string[] = [];
      const ui: Ui = { ...silentUi, warn: (text) => warnings.push(text) };
      // Made by a test, not by us: it has the mode that umask gives.
      await chmod(kernel.paths.run, 0o700);
      await applyUpdate(update, kernel, NO_WAIT, ui);
      expect(warnings).toHaveLength(1);
      expect(await kernel.stageOf('abc12345')).toBe('applied');
      expect((await kernel.remembered()).join()).not.toContain('load-');
    }),
  );

  it(
    'does everything but the switch in a dry run',
    inKernel(async (kernel) => {
      const tried = await applyUpdate(update, kernel, { ...NO_WAIT, dryRun: true }, silentUi);
      expect(tried).toMatchObject({ changed: false, stage: undefined, attempts: 1 });
      expect(kernel.events).toEqual([
        ...SEQUENCE.map((name) => `insmod ${name}`),
        'stage abc12345 try',
        ...[...SEQUENCE].reverse().map((name) => `rmmod ${name}`),
      ]);
      expect(await kernel.remembered()).toEqual([]);
    }),
  );

  it(
    'leaves nothing when a dry run is refused',
    inKernel(async (kernel) => {
      kernel.refusals.push({ word: 'code_busy', conflicts: '12 cat sctp_rcv' });
      const options = { timeout: 0, dryRun: true };
      const error = await failure(applyUpdate(update, kernel, options, silentUi));
      expect(error).toMatchObject({ code: 'busy', details: { abortCause: 'code_busy' } });
      expect(kernel.modules).toEqual(['sctp']);
    }),
  );

  it(
    'does not run twice at once',
    inKernel(async (kernel) => {
      let second: Promise<KspliceError> | undefined;
      kernel.onEvent = (event) => {
        if (event === 'insmod ksplice') {
          second = failure(applyUpdate(update, kernel, NO_WAIT, silentUi));
        }
        // The first goes no further until the second has been refused.
      };
      const slow = kernel.insmod.bind(kernel);
      kernel.insmod = async (file) => {
        await slow(file);
        if (second) expect((await second).code).toBe('busy');
      };
      await applyUpdate(update, kernel, NO_WAIT, silentUi);
      expect(second).toBeDefined();
    }),
  );
});

describe('applyUpdate in the place of others', () => {
  /** They are applied in this order, after what the update is on. */
  async function applied(kernel: SimulatedKernel, ...ids: string[]): Promise<void> {
    await kernel.add('ksplice');
    for (const [index, id] of ids.entries()) {
      await kernel.add(`ksplice_${id}_vmlinux_new`);
      await kernel.put(`sys/kernel/ksplice/${id}/stage`, 'applied\n');
      await kernel.put(`sys/kernel/ksplice/${id}/order`, `${index + 1}\n`);
    }
    await kernel.put('sys/kernel/ksplice/api_version', `${API_VERSION}\n`);
  }
  const replace = { ...NO_WAIT, replace: true };

  it.each<[string, string[], string[]]>([
    ['all, if it names none', [], ['new', 'mid', 'old']],
    ['those that it supersedes', ['old', 'new', 'gone'], ['new', 'old']],
  ])('takes out %s, and unloads them when it has switched', async (_, supersedes, going) => {
    await inKernel(async (kernel) => {
      await applied(kernel, 'old', 'mid', 'new');
      const { replaced } = await applyUpdate({ ...update, supersedes }, kernel, replace, silentUi);
      expect(replaced).toEqual(going);
      const told = kernel.events.indexOf(`replaces ${update.id} ${going.join(' ')}`);
      const switched = kernel.events.indexOf(`stage ${update.id} applied`);
      expect(told).toBeGreaterThan(kernel.events.indexOf(`insmod ksplice_${update.id}_sctp_old`));
      expect(switched).toBeGreaterThan(told);
      expect(kernel.events.slice(switched).filter((event) => /^stage|_new$/.test(event))).toEqual([
        `stage ${update.id} applied`,
        ...going.flatMap((id) => [`stage ${id} reversed`, `rmmod ksplice_${id}_vmlinux_new`]),
      ]);
    })();
  });

  it(
    'leaves alone what it is on, and takes out what only waits',
    inKernel(async (kernel) => {
      await applied(kernel, 'base');
      kernel.awaited = ['waits floppy'];
      await kernel.put('sys/kernel/ksplice/awaited', 'waits floppy\n');
      const on = { ...update, contents: { ...update.contents, on: ['base'] } };
      const { replaced } = await applyUpdate(on, kernel, replace, silentUi);
      expect(replaced).toEqual(['waits']);
      expect(kernel.awaited).toEqual([]);
      expect(kernel.events.filter((event) => event.startsWith('replaces'))).toEqual([]);
      expect(await kernel.stageOf('base')).toBe('applied');
    }),
  );

  it(
    'has undone none of them if it is refused',
    inKernel(async (kernel) => {
      await applied(kernel, 'old');
      kernel.refusals.push({ word: 'stacked' });
      const error = await failure(applyUpdate(update, kernel, replace, silentUi));
      expect(error.code).toBe('stacked');
      expect(await kernel.stageOf('old')).toBe('applied');
      expect(kernel.modules).toEqual(['sctp', 'ksplice', 'ksplice_old_vmlinux_new']);
    }),
  );

  it(
    'is applied, and says so, where one of them does not come to its end',
    inKernel(async (kernel) => {
      await applied(kernel, 'old');
      kernel.onEvent = (event) => {
        if (event === `stage ${update.id} applied`)
          kernel.refusals.push({ word: 'code_busy', stage: 'leaving' });
      };
      const warnings: string[] = [];
      const ui = { ...silentUi, warn: (text: string) => void warnings.push(text) };
      const { changed } = await applyUpdate(update, kernel, replace, ui);
      expect(changed).toBe(true);
      expect(warnings).toEqual([
        expect.stringMatching(/^the old code of old is back, but .*undo old/),
      ]);
    }),
  );
});

describe('checks before anything is loaded', () => {
  const problemsOf = async (kernel: SimulatedKernel): Promise<Problem[]> => {
    const error = await failure(applyUpdate(update, kernel, NO_WAIT, silentUi));
    expect(kernel.events).toEqual([]);
    return (error.details as { problems: Problem[] }).problems;
  };

  it('are reported together', async () => {
    await withDirectory(async (where) => {
      const kernel = await new SimulatedKernel(where, 1000, '6.1.0-other').boot([]);
      await kernel.add('ksplice');
      await kernel.put('sys/kernel/ksplice/api_version', `${API_VERSION + 1}\n`);
      expect((await problemsOf(kernel)).map((problem) => problem.code)).toEqual([
        'not-root',
        'wrong-kernel',
        'load-failed',
        'target-not-loaded',
      ]);
    });
  });

  const rows: [string, [string, string], string, RegExp][] = [
    ['modules_disabled', ['proc/sys/kernel/modules_disabled', '1\n'], 'load-failed', /modules_dis/],
    ['a user namespace', ['proc/self/uid_map', '0 100000 65536\n'], 'not-root', /user namespace/],
    ['a container', ['proc/self/status', 'CapEff:\t00000000a80425fb\n'], 'not-root', /CAP_SYS_MOD/],
    ['sig_enforce', ['sys/module/module/parameters/sig_enforce', 'Y\n'], 'load-failed', /sig_enf/],
    [
      'lockdown',
      ['sys/kernel/security/lockdown', 'none [integrity] confidentiality\n'],
      'load-failed',
      /lockdown=integrity/,
    ],
    ['a target going', ['sys/module/sctp/initstate', 'going\n'], 'target-not-loaded', /\(going\)/],
  ];
  it.each(rows)('name %s', async (_what, [file, text], code, message) => {
    await inKernel(async (kernel) => {
      await kernel.put(file, text);
      const [problem, ...others] = await problemsOf(kernel);
      expect(others).toEqual([]);
      expect(problem).toMatchObject({ code, message: expect.stringMatching(message) });
    })();
  });

  it('name the update below that is missing', async () => {
    await withDirectory(async (where) => {
      const archive = path.join(where, 'u.tar.gz');
      await writeUpdate((await makeSample(where, { on: ['below'] })).directory, archive);
      const onTop = await readUpdate(archive);
      const kernel = await new SimulatedKernel(where).boot();
      const error = await failure(applyUpdate(onTop, kernel, NO_WAIT, silentUi));
      expect((error.details as { problems: Problem[] }).problems).toEqual([
        expect.objectContaining({
          code: 'base-missing',
          message: expect.stringContaining('below'),
        }),
      ]);
      expect(kernel.events).toEqual([]);
    });
  });

  it('name another build of the same release', async () => {
    await inKernel(async (kernel) => {
      const notes = (id: string) =>
        `\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0${Buffer.from(id, 'hex').toString('latin1')}`;
      const ours = { ...update, buildId: '61'.repeat(20) };
      await kernel.put('sys/kernel/notes', notes('62'.repeat(20)));
      const { details } = await failure(applyUpdate(ours, kernel, NO_WAIT, silentUi));
      expect(details).toMatchObject({ problems: [{ code: 'wrong-kernel' }] });
      expect(kernel.events).toEqual([]);
      await kernel.put('sys/kernel/notes', notes('61'.repeat(20)));
      await applyUpdate(ours, kernel, NO_WAIT, silentUi);
    })();
  });

  it('let pass what is allowed', async () => {
    await inKernel(async (kernel) => {
      await kernel.put('sys/kernel/security/lockdown', '[none] integrity confidentiality\n');
      await kernel.put('sys/module/module/parameters/sig_enforce', 'N\n');
      await kernel.add('ksplice');
      await applyUpdate(update, kernel, NO_WAIT, silentUi);
      expect(kernel.events).not.toContain('insmod ksplice');
    })();
  });

  it('leave an update alone that is applied', async () => {
    await inKernel(async (kernel) => {
      const first = await applyUpdate(update, kernel, NO_WAIT, silentUi);
      const events = [...kernel.events];
      const again = await applyUpdate(update, kernel, NO_WAIT, silentUi);
      expect(first).toMatchObject({ changed: true, attempts: 1 });
      expect(again).toEqual({ ...first, changed: false, attempts: 0 });
      const dry = await applyUpdate(update, kernel, { ...NO_WAIT, dryRun: true }, silentUi);
      expect(dry).toEqual(again);
      expect(kernel.events).toEqual(events);
    })();
  });

  it('refuse an update that is being undone', async () => {
    await inKernel(async (kernel) => {
      await applyUpdate(update, kernel, NO_WAIT, silentUi);
      await kernel.put('sys/kernel/ksplice/abc12345/stage', 'leaving\n');
      const error = await failure(applyUpdate(update, kernel, NO_WAIT, silentUi));
      expect(error).toMatchObject({
        code: 'busy',
        message: expect.stringContaining('a task is still in its new code'),
      });
    })();
  });

  it('refuse another update of the same id', async () => {
    await withDirectory(async (where) => {
      const archive = path.join(where, 'other.tar.gz');
      await writeUpdate((await makeSample(where, { answer: '43' })).directory, archive);
      const other = await readUpdate(archive);
      await inKernel(async (kernel) => {
        await applyUpdate(update, kernel, NO_WAIT, silentUi);
        const error = await failure(applyUpdate(other, kernel, NO_WAIT, silentUi));
        expect(error.code).toBe('already-applied');
        expect(await kernel.stageOf('abc12345')).toBe('applied');
      })();
    });
  });

  it('refuse a state directory that is a link', async () => {
    await inKernel(async (kernel) => {
      const elsewhere = path.join(path.dirname(kernel.paths.run), 'elsewhere');
      await mkdir(elsewhere);
      await symlink(elsewhere, kernel.paths.run);
      const error = await failure(applyUpdate(update, kernel, NO_WAIT, silentUi));
      expect(error.code).toBe('io');
      expect(kernel.events).toEqual([]);
    })();
  });
});

describe('functions that may be busy', () => {
  let busy: Update;
  beforeAll(async () => {
    const replaced = ['straight', 'looping'];
    const { program } = programOf({ 'busy.o': fixture('busy.S') }, { replaced });
    busy = await withDirectory(async (where) => {
      const archive = path.join(where, 'u.tar.gz');
      const parts = { targets: ['vmlinux'], program: encodeProgram(program) };
      await writeUpdate((await makeSample(where, parts)).directory, archive);
      return readUpdate(archive);
    });
  });

  it(
    'are those that the update has, and those that are given',
    inKernel(async (kernel) => {
      const kept = { ...busy, allowBusy: ['straight'] };
      const { allowBusy } = await applyUpdate(kept, kernel, NO_WAIT, silentUi);
      expect(kernel.events).toContain('allow_busy abc12345 straight');
      expect(allowBusy).toEqual(['straight']);
    }),
  );

  it.each(['looping', 'outside'])('cannot be %s', async (name) => {
    await inKernel(async (kernel) => {
      const options = { ...NO_WAIT, allowBusy: [name] };
      const error = await failure(applyUpdate(busy, kernel, options, silentUi));
      expect((error.details as { problems: Problem[] }).problems).toEqual([
        expect.objectContaining({ message: expect.stringContaining(name) }),
      ]);
      expect(kernel.events).toEqual([]);
    })();
  });
});
