// Updates of which a module is not loaded: what is there is applied, and the rest
// when the core says that it comes.

import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { applyUpdate } from '../../src/apply/apply.js';
import type { ApplyOptions } from '../../src/apply/applying.js';
import { moduleComing, moduleGoing } from '../../src/apply/module-coming.js';
import { undoUpdate } from '../../src/apply/undo-update.js';
import { listUpdates } from '../../src/apply/view.js';
import { silentUi } from '../../src/base/ui.js';
import { readUpdate } from '../../src/update/read.js';
import type { Update } from '../../src/update/update.js';
import { writeUpdate } from '../../src/update/write.js';
import { makeSample, withDirectory } from '../update/sample.js';
import { SimulatedKernel } from './simulated-kernel.js';

const OPTIONS: ApplyOptions = { timeout: 0, partial: ['/usr/bin/tool', 'late'] };
const both = 'ksplice_both_';
const AWAIT = ['helper /usr/bin/tool late', 'awaited +both sctp'];
const PART = [`insmod ${both}sctp_old`, `insmod ${both}sctp_new`, 'stage both applied'];

let update: Update;
let only: Update;
let above: Update;
let live: Update;

beforeAll(async () => {
  const made = (options: Parameters<typeof makeSample>[1]) =>
    withDirectory(async (where) => {
      const archive = path.join(where, 'u.tar.gz');
      await writeUpdate((await makeSample(where, options)).directory, archive);
      return readUpdate(archive);
    });
  update = await made({ id: 'both', targets: ['vmlinux', 'sctp'] });
  only = await made({ id: 'only', targets: ['sctp'] });
  above = await made({ id: 'above', targets: ['sctp'], on: ['only'] });
  live = await made({ id: 'live', targets: ['vmlinux', 'sctp'], behindInit: 'helper' });
});

const withoutModule = (use: (kernel: SimulatedKernel) => Promise<void>) => () =>
  withDirectory(async (where) => use(await new SimulatedKernel(where).boot([])));

const apply = (what: Update, kernel: SimulatedKernel, options = OPTIONS) =>
  applyUpdate(what, kernel, options, silentUi);
const coming = (kernel: SimulatedKernel) => moduleComing('sctp', kernel, silentUi);

describe('an update of which a module is not loaded', () => {
  it(
    'is refused, unless it may be applied in part',
    withoutModule(async (kernel) => {
      await expect(apply(update, kernel, { timeout: 0 })).rejects.toMatchObject({
        code: 'target-not-loaded',
        advice: expect.stringContaining('--partial'),
      });
      const applied = await apply(update, kernel);
      expect(applied).toMatchObject({ stage: 'applied', changed: true, waiting: ['sctp'] });
      expect(kernel.events).toEqual([
        'insmod ksplice',
        ...AWAIT,
        `insmod ${both}vmlinux_old`,
        `insmod ${both}vmlinux_new`,
        'stage both applied',
        `rmmod ${both}vmlinux_old`,
      ]);
      expect(await kernel.remembered()).toContain('updates/both/ksplice-both/SHA256SUMS');
      expect(await apply(update, kernel)).toMatchObject({ changed: false, waiting: ['sctp'] });
      expect(await listUpdates(kernel)).toMatchObject([{ stage: 'applied', waiting: ['sctp'] }]);
    }),
  );

  it(
    'is refused in part, too, where the new code could get a symbol of the init code',
    withoutModule(async (kernel) => {
      await expect(apply(live, kernel)).rejects.toMatchObject({
        code: 'target-not-loaded',
        message: expect.stringContaining('needs helper in the state after'),
        advice: expect.stringContaining('modprobe sctp'),
      });
      expect(kernel.events).toEqual([]);
    }),
  );

  it(
    'gets that part when the module comes',
    withoutModule(async (kernel) => {
      await apply(update, kernel);
      kernel.events.length = 0;
      await coming(kernel);
      expect(kernel.events).toEqual([...PART, `rmmod ${both}sctp_old`]);
      expect(await listUpdates(kernel)).toMatchObject([{ stage: 'applied', waiting: [] }]);
      expect(await apply(update, kernel)).toMatchObject({ changed: false, waiting: [] });
    }),
  );

  it(
    'only waits, if that is all there is of it',
    withoutModule(async (kernel) => {
      const applied = await apply(only, kernel);
      expect(applied).toMatchObject({ stage: 'waiting', changed: true, waiting: ['sctp'] });
      expect(kernel.modules).toEqual(['ksplice']);
      expect(await apply(only, kernel)).toMatchObject({ stage: 'waiting', changed: false });
      expect(await listUpdates(kernel)).toMatchObject([{ id: 'only', stage: 'waiting' }]);
      await undoUpdate('only', kernel, { timeout: 0 }, silentUi);
      expect(kernel.modules).toEqual([]);
      expect(await kernel.remembered()).toEqual(['updates']);
    }),
  );

  it(
    'leaves nothing when what is there cannot be applied',
    withoutModule(async (kernel) => {
      kernel.unloadable.add(`${both}vmlinux_new`);
      await expect(apply(update, kernel)).rejects.toMatchObject({ code: 'load-failed' });
      expect(kernel.awaited).toEqual([]);
      expect(kernel.modules).toEqual([]);
      expect(await kernel.remembered()).toEqual(['updates']);
    }),
  );

  it(
    'is applied to a module that comes just now',
    withoutModule(async (kernel) => {
      kernel.onEvent = (event) => {
        if (event.startsWith('helper') && !kernel.modules.includes('sctp')) kernel.load('sctp');
      };
      expect(await apply(update, kernel)).toMatchObject({ changed: true, waiting: [] });
      expect(kernel.modules).toEqual(['ksplice', 'sctp', `${both}vmlinux_new`, `${both}sctp_new`]);
    }),
  );

  it(
    'is tried with what is there',
    withoutModule(async (kernel) => {
      const tried = await apply(update, kernel, { ...OPTIONS, dryRun: true });
      expect(tried).toMatchObject({ changed: false, stage: undefined });
      expect(kernel.events).toContain('stage both try');
      expect(kernel.events.join()).not.toMatch(/awaited|sctp/);
      expect(kernel.modules).toEqual([]);
    }),
  );
});

describe('moduleComing', () => {
  it(
    'unloads the part again when it is refused',
    withoutModule(async (kernel) => {
      await apply(update, kernel);
      kernel.refusals.push({ word: 'no_match' });
      await expect(coming(kernel)).rejects.toMatchObject({ code: 'no-match' });
      expect(kernel.modules).toEqual(['ksplice', `${both}vmlinux_new`]);
      expect(kernel.awaited).toEqual(['both sctp']);
      await coming(kernel);
      expect(kernel.awaited).toEqual([]);
    }),
  );

  it(
    'clears away what another one left that was killed',
    withoutModule(async (kernel) => {
      await apply(update, kernel);
      await kernel.add(`${both}sctp_old`);
      kernel.events.length = 0;
      await coming(kernel);
      expect(kernel.events).toEqual([`rmmod ${both}sctp_old`, ...PART, `rmmod ${both}sctp_old`]);
    }),
  );

  it(
    'does nothing for an update of which applying the rest was cut off',
    withoutModule(async (kernel) => {
      await apply(update, kernel);
      await kernel.put('sys/kernel/ksplice/both/stage', 'preparing\n');
      kernel.events.length = 0;
      await coming(kernel);
      expect(kernel.events).toEqual(['awaited -both sctp']);
      expect(await kernel.remembered()).toEqual(['updates']);
    }),
  );

  it(
    'refuses when the update was damaged meanwhile',
    withoutModule(async (kernel) => {
      await apply(update, kernel);
      const kept = path.join(kernel.paths.run, 'updates/both/ksplice-both');
      await appendFile(path.join(kept, 'patch'), 'x');
      await expect(coming(kernel)).rejects.toMatchObject({ code: 'bad-update' });
      expect(kernel.awaited).toEqual(['both sctp']);
    }),
  );

  it(
    'applies several updates, the lower first, and undo goes the other way',
    withoutModule(async (kernel) => {
      await apply(only, kernel);
      await apply(above, kernel);
      await expect(undoUpdate('only', kernel, { timeout: 0 }, silentUi)).rejects.toMatchObject({
        code: 'stacked',
      });
      await coming(kernel);
      const switches = kernel.events.filter((event) => event.startsWith('stage'));
      expect(switches).toEqual(['stage only applied', 'stage above applied']);
    }),
  );
});

describe('moduleGoing', () => {
  it(
    'unloads what is bound to the module',
    withoutModule(async (kernel) => {
      await apply(update, kernel);
      await kernel.add(`${both}sctp_new`);
      await moduleGoing('sctp', kernel);
      expect(kernel.modules).toEqual(['ksplice', `${both}vmlinux_new`]);
    }),
  );
});
