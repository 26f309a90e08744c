import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { KspliceError, Problem } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { watchedIds } from '../../src/host/watched.js';
import { bootUpdates, endTrials } from '../../src/install/boot.js';
import { installUpdate, listInstalled, uninstallUpdate } from '../../src/install/install.js';
import { applyWhenLoaded } from '../../src/install/when-loaded.js';
import { clearUpdate } from '../../src/install/withdraw.js';
import { readUpdate } from '../../src/update/read.js';
import type { Update } from '../../src/update/update.js';
import { writeUpdate } from '../../src/update/write.js';
import { SimulatedKernel } from '../apply/simulated-kernel.js';
import { makeSample, withDirectory } from '../update/sample.js';

const OPTIONS = { timeout: 0, retry: false };
const BUILD = 'abcdefghijklmnopqrst';

async function update(where: string, id: string, more = {}): Promise<Update> {
  const { directory } = await makeSample(where, { id, targets: ['vmlinux'], ...more });
  const archive = path.join(where, `ksplice-${id}.tar.gz`);
  await writeUpdate(directory, archive);
  return readUpdate(archive);
}

/** The next boot of a machine: its disk is as it was. */
async function boot(where: string, name: string, build = BUILD): Promise<SimulatedKernel> {
  const kernel = new SimulatedKernel(where);
  for (const place of ['sys', 'proc', 'run']) await kernel.forget(place);
  await kernel.boot();
  await kernel.put('sys/kernel/notes', `\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0${build}`);
  await kernel.put('proc/sys/kernel/random/boot_id', `${name}\n`);
  return kernel;
}

const attemptOf = (kernel: SimulatedKernel) => path.join(kernel.paths.installed, 'attempt.json');

async function refusal(work: Promise<unknown>): Promise<KspliceError> {
  const error = await work.then(
    () => undefined,
    (thrown: KspliceError) => thrown,
  );
  if (!error) throw new Error('it was not refused');
  return error;
}

describe('installUpdate', () => {
  it('keeps the order, is idempotent, and enables the unit', () =>
    withDirectory(async (where) => {
      const kernel = await boot(where, 'first');
      const [b, a] = [await update(where, 'b1'), await update(where, 'a1')];
      expect(await installUpdate(b, kernel)).toMatchObject({ changed: true, order: 1 });
      expect(await installUpdate(a, kernel)).toMatchObject({ changed: true, order: 2 });
      expect(await installUpdate(b, kernel)).toMatchObject({ changed: false, order: 1 });
      const listed = await listInstalled(kernel, silentUi);
      expect(listed.map(({ id, thisKernel }) => [id, thisKernel])).toEqual([
        ['b1', true],
        ['a1', true],
      ]);
      const unit = await readFile(path.join(kernel.paths.units, 'ksplice-ts.service'), 'utf8');
      expect(unit).toMatch(/^ExecStart="\/.*" "\/.*\/bin\/ksplice-ts\.js" boot$/m);
      expect(unit).toMatch(/^RequiresMountsFor=.*\/var\/lib\/ksplice$/m);
      expect(kernel.events).toContain('systemctl --quiet enable ksplice-ts.service');
      expect(kernel.events.filter((event) => !event.startsWith('systemctl'))).toEqual([]);

      await uninstallUpdate('b1', kernel);
      expect(kernel.events).not.toContain('systemctl --quiet disable ksplice-ts.service');
      await uninstallUpdate('a1', kernel);
      expect(kernel.events).toContain('systemctl --quiet disable ksplice-ts.service');
      expect(await kernel.list(kernel.paths.units)).toEqual([]);
      expect(await kernel.list(path.join(kernel.paths.installed, 'updates'))).toEqual([]);
      expect(await refusal(uninstallUpdate('a1', kernel))).toMatchObject({ code: 'not-installed' });
    }));

  it('refuses another update of the same id, and one for nobody knows which build', () =>
    withDirectory(async (where) => {
      const kernel = await boot(where, 'first');
      await installUpdate(await update(where, 'a1'), kernel);
      const other = await update(path.join(where, 'other'), 'a1', { answer: '43' });
      expect(await refusal(installUpdate(other, kernel))).toMatchObject({
        code: 'already-installed',
      });
      const foreign = await update(where, 'c1', { release: '6.9.0' });
      expect(await refusal(installUpdate(foreign, kernel))).toMatchObject({ code: 'wrong-kernel' });
    }));

  it('is for root, and follows no link', () =>
    withDirectory(async (where) => {
      const a = await update(where, 'a1');
      const user = new SimulatedKernel(where, 1000);
      expect(await refusal(installUpdate(a, user))).toMatchObject({ code: 'not-root' });
      expect(await refusal(listInstalled(user, silentUi))).toMatchObject({ code: 'not-root' });
      const kernel = await boot(where, 'first');
      await mkdir(path.join(where, 'elsewhere'), { mode: 0o700 });
      await symlink(path.join(where, 'elsewhere'), kernel.paths.installed);
      expect(await refusal(installUpdate(a, kernel))).toMatchObject({ code: 'io' });
      expect(await kernel.list(path.join(where, 'elsewhere'))).toEqual([]);
    }));
});

describe('bootUpdates', () => {
  it('applies in order, with a note on the disk during each', () =>
    withDirectory(async (where) => {
      const before = await boot(where, 'first');
      for (const id of ['b1', 'a1']) await installUpdate(await update(where, id), before);
      const kernel = await boot(where, 'second');
      const notes: string[] = [];
      kernel.onEvent = (event) => {
        if (!event.startsWith('stage')) return;
        const { id, bootId } = JSON.parse(readFileSync(attemptOf(kernel), 'utf8'));
        notes.push(`${event}: ${id} ${bootId}`);
      };
      expect(await bootUpdates(kernel, OPTIONS, silentUi)).toMatchObject([
        { id: 'b1', outcome: 'applied' },
        { id: 'a1', outcome: 'applied' },
      ]);
      expect(notes).toEqual(['stage b1 applied: b1 second', 'stage a1 applied: a1 second']);
      expect(await kernel.read(attemptOf(kernel))).toBeUndefined();
      expect(await bootUpdates(kernel, OPTIONS, silentUi)).toHaveLength(2);
      expect(notes).toHaveLength(2);
    }));

  it('leaves alone what crashed another boot until it is installed again', () =>
    withDirectory(async (where) => {
      const before = await boot(where, 'first');
      const [a, b] = [await update(where, 'a1'), await update(where, 'b1')];
      for (const one of [a, b]) await installUpdate(one, before);
      const attempt = { id: 'a1', bootId: 'first', began: '2026-01-01T00:00:00Z' };
      // In the same boot it was only the tool that was killed.
      await writeFile(attemptOf(before), JSON.stringify(attempt));
      await installUpdate(b, before);
      expect((await listInstalled(before, silentUi))[0]).toMatchObject({ crashed: null });

      await writeFile(attemptOf(before), JSON.stringify(attempt));
      const kernel = await boot(where, 'second');
      const error = await refusal(bootUpdates(kernel, OPTIONS, silentUi));
      expect(error).toMatchObject({
        code: 'boot-incomplete',
        message: expect.stringContaining('a1 is not tried'),
        details: { results: [{ outcome: 'crashed' }, { outcome: 'applied' }] },
      });
      expect((await listInstalled(kernel, silentUi))[0]).toMatchObject({ crashed: attempt });
      // And not at the boots after that.
      const third = await boot(where, 'third');
      expect(await refusal(bootUpdates(third, OPTIONS, silentUi))).toMatchObject({
        code: 'boot-incomplete',
      });
      // In the second boot it was new, and that one did not end in order.
      await clearUpdate('b1', third);
      expect(await bootUpdates(third, { ...OPTIONS, retry: true }, silentUi)).toMatchObject([
        { id: 'a1', outcome: 'applied' },
        { id: 'b1', outcome: 'applied' },
      ]);
      expect((await listInstalled(third, silentUi))[0]).toMatchObject({ crashed: null });
    }));

  it('leaves alone what was new to a boot that did not go well', () =>
    withDirectory(async (where) => {
      const before = await boot(where, 'first');
      for (const id of ['a1', 'b1']) await installUpdate(await update(where, id), before);
      const second = await boot(where, 'second');
      await bootUpdates(second, OPTIONS, silentUi);
      expect(await listInstalled(second, silentUi)).toMatchObject([
        { id: 'a1', onTrial: true },
        { id: 'b1', onTrial: true },
      ]);
      expect(second.events.join('\n')).toMatch(
        /^systemd-run --unit=ksplice-ts-watch.service .* watch systemd$/m,
      );

      const third = await boot(where, 'third');
      // It was the second boot's.
      expect((await listInstalled(third, silentUi))[0]).toMatchObject({ onTrial: false });
      expect(await refusal(bootUpdates(third, OPTIONS, silentUi))).toMatchObject({
        message: expect.stringContaining('2 of 2'),
        details: { results: [{ outcome: 'withdrawn' }, { outcome: 'withdrawn' }] },
      });
      expect((await listInstalled(third, silentUi))[0]).toMatchObject({
        withdrawn: { reason: 'the machine went down in the first boot with it' },
        onTrial: false,
      });
      for (const id of ['a1', 'b1']) await clearUpdate(id, third);
      expect(await bootUpdates(third, OPTIONS, silentUi)).toHaveLength(2);
      expect(await endTrials(third)).toEqual(['a1', 'b1']);
      expect(await endTrials(third)).toEqual([]);

      // One that went well once is not to blame for what happens when another one is new.
      await installUpdate(await update(where, 'c1'), third);
      await bootUpdates(await boot(where, 'fourth'), OPTIONS, silentUi);
      const fifth = await boot(where, 'fifth');
      expect((await refusal(bootUpdates(fifth, OPTIONS, silentUi))).details).toMatchObject({
        results: [
          { outcome: 'applied' },
          { outcome: 'applied' },
          { id: 'c1', outcome: 'withdrawn' },
        ],
      });
    }));

  it('blames what was being applied, and not what was new to that boot as well', () =>
    withDirectory(async (where) => {
      const before = await boot(where, 'first');
      for (const id of ['a1', 'b1']) await installUpdate(await update(where, id), before);
      const second = await boot(where, 'second');
      let attempt = '';
      second.onEvent = (event) => {
        if (event.startsWith('stage b1')) attempt = readFileSync(attemptOf(second), 'utf8');
      };
      await bootUpdates(second, OPTIONS, silentUi);
      await writeFile(attemptOf(second), attempt);
      const third = await boot(where, 'third');
      expect((await refusal(bootUpdates(third, OPTIONS, silentUi))).details).toMatchObject({
        results: [
          { id: 'a1', outcome: 'applied' },
          { id: 'b1', outcome: 'crashed' },
        ],
      });
    }));

  it('puts nothing on trial that was refused, or where nobody would end it', () =>
    withDirectory(async (where) => {
      const before = await boot(where, 'first');
      for (const id of ['a1', 'b1']) await installUpdate(await update(where, id), before);
      const second = await boot(where, 'second');
      second.unloadable.add('ksplice_a1_vmlinux_old');
      await refusal(bootUpdates(second, OPTIONS, silentUi));
      const onTrial = async (kernel: SimulatedKernel) =>
        (await listInstalled(kernel, silentUi)).map((one) => one.onTrial);
      expect(await onTrial(second)).toEqual([false, true]);
      expect(await watchedIds(second)).toEqual(['b1']);

      await endTrials(second);
      const third = await boot(where, 'third');
      third.systemd = false;
      expect(await bootUpdates(third, OPTIONS, silentUi)).toHaveLength(2);
      expect(await onTrial(third)).toEqual([false, false]);
    }));

  it('remembers a crash in the middle of a module that came later', () =>
    withDirectory(async (where) => {
      const first = await boot(where, 'first');
      const late = await update(where, 'a1', { targets: ['vmlinux', 'nosuch'] });
      await installUpdate(late, first);
      expect(await bootUpdates(first, OPTIONS, silentUi)).toMatchObject([{ outcome: 'waiting' }]);
      const file = path.join(first.paths.installed, 'late.json');
      let noted = '';
      first.onEvent = () => {
        noted = existsSync(file) ? readFileSync(file, 'utf8') : noted;
      };
      await applyWhenLoaded('nosuch', first, silentUi);
      expect(JSON.parse(noted)).toMatchObject([{ id: 'a1', bootId: 'first' }]);
      expect(existsSync(file)).toBe(false);

      await writeFile(file, noted);
      const second = await boot(where, 'second');
      const error = await refusal(bootUpdates(second, OPTIONS, silentUi));
      expect(error.details).toMatchObject({ results: [{ id: 'a1', outcome: 'crashed' }] });
      expect(second.modules).toEqual(['sctp']);
      expect(existsSync(file)).toBe(false);
    }));

  it.each(['', 'null', '{}', '[null]', '[7]', '[{"id": {}}]', '{"id": "a1", "bootId": 1}'])(
    'goes on with notes that say %j',
    (text) =>
      withDirectory(async (where) => {
        const first = await boot(where, 'first');
        await installUpdate(await update(where, 'a1'), first);
        await mkdir(path.join(first.paths.installed, 'watched'), { mode: 0o700 });
        for (const name of ['attempt.json', 'late.json', 'watched/a1.json']) {
          await writeFile(path.join(first.paths.installed, name), text);
        }
        expect(await bootUpdates(first, OPTIONS, silentUi)).toMatchObject([{ outcome: 'applied' }]);
        await writeFile(path.join(first.paths.run, 'boot.json'), text);
        expect(await listInstalled(first, silentUi)).toMatchObject([{ id: 'a1', boot: null }]);
        expect(await endTrials(first)).toEqual(['a1']);
      }),
  );

  it('takes a damaged record of a crash for a record of a crash', () =>
    withDirectory(async (where) => {
      const first = await boot(where, 'first');
      await installUpdate(await update(where, 'a1'), first);
      const record = path.join(first.paths.installed, 'updates/a1/crashed.json');
      for (const text of ['', '{"id": "a1"', '[]']) {
        await writeFile(record, text);
        const error = await refusal(bootUpdates(first, OPTIONS, silentUi));
        expect(error.details).toMatchObject({ results: [{ id: 'a1', outcome: 'crashed' }] });
      }
      expect(await listInstalled(first, silentUi)).toMatchObject([
        { crashed: { id: 'a1', began: 'at an unknown time' } },
      ]);
      const retried = await bootUpdates(first, { ...OPTIONS, retry: true }, silentUi);
      expect(retried).toMatchObject([{ outcome: 'applied' }]);
      expect(existsSync(record)).toBe(false);
    }));

  it.each([{ targets: [7] }, { targets: null }, { order: -1 }, { order: '1' }, { release: 6 }])(
    'refuses a record with %j, and says how to go on',
    (odd) =>
      withDirectory(async (where) => {
        const first = await boot(where, 'first');
        await installUpdate(await update(where, 'a1'), first);
        const record = path.join(first.paths.installed, 'updates/a1/installed.json');
        const whole = JSON.parse(await readFile(record, 'utf8')) as object;
        await writeFile(record, JSON.stringify({ ...whole, ...odd }));
        const error = await refusal(bootUpdates(first, OPTIONS, silentUi));
        expect(error.details?.problems).toMatchObject([
          { code: 'io', advice: expect.stringContaining('`ksplice-ts uninstall a1`') },
        ]);
        await uninstallUpdate('a1', first);
      }),
  );

  it('tells all that is wrong with an update', () =>
    withDirectory(async (where) => {
      const kernel = await boot(where, 'first');
      await installUpdate(await update(where, 'a1'), kernel);
      const files = path.join(kernel.paths.installed, 'updates/a1/ksplice-a1');
      for (const name of ['patch', 'description']) await writeFile(path.join(files, name), 'x');
      const error = await refusal(bootUpdates(kernel, OPTIONS, silentUi));
      expect(error.message).toBe('1 of 1 installed updates not applied');
      const { problems } = error.details as { problems: Problem[] };
      expect(problems.map(({ message }) => message)).toEqual([
        expect.stringMatching(/^ksplice-a1 is not .*: .*\bdescription\b/),
        expect.stringMatching(/^ksplice-a1 is not .*: .*\bpatch\b/),
      ]);
    }));

  it('goes on after one that is refused, waits, is damaged, or is for another kernel', () =>
    withDirectory(async (where) => {
      const before = await boot(where, 'first');
      await installUpdate(await update(where, 'a1'), before);
      await installUpdate(await update(where, 'b1', { targets: ['nosuch'] }), before);
      await installUpdate(await update(where, 'c1'), before);
      await installUpdate(await update(where, 'd1'), before);
      const records = path.join(before.paths.installed, 'updates');
      await writeFile(path.join(records, 'c1/installed.json'), '{"order":');
      const kernel = await boot(where, 'second');
      kernel.unloadable.add('ksplice_a1_vmlinux_old');
      const error = await refusal(bootUpdates(kernel, OPTIONS, silentUi));
      expect(error.message).toBe('2 of 4 installed updates not applied');
      expect(error.details).toMatchObject({
        results: [
          { id: 'a1', outcome: 'failed' },
          { id: 'b1', outcome: 'waiting', message: expect.stringContaining('module nosuch') },
          { id: 'd1', outcome: 'applied' },
        ],
        problems: [
          { message: expect.stringContaining('c1/installed.json') },
          { code: 'load-failed' },
        ],
      });

      const rebuilt = await boot(where, 'third', `${BUILD.slice(1)}z`);
      await uninstallUpdate('c1', rebuilt);
      const results = await bootUpdates(rebuilt, OPTIONS, silentUi);
      expect(results.map(({ outcome }) => outcome)).toEqual(Array(3).fill('other-kernel'));
      expect(rebuilt.modules).toEqual(['sctp']);
    }));

  it('says what is applied when it is interrupted between two', () =>
    withDirectory(async (where) => {
      const kernel = await boot(where, 'first');
      for (const id of ['a1', 'b1', 'c1']) await installUpdate(await update(where, id), kernel);
      const controller = new AbortController();
      kernel.onEvent = (event) => {
        if (event === 'stage a1 applied') controller.abort();
      };
      const ui = { ...silentUi, signal: controller.signal };
      expect(await refusal(bootUpdates(kernel, OPTIONS, ui))).toMatchObject({
        code: 'interrupted',
        message: expect.stringMatching(/Applied: a1; not or not .*: b1, c1$/),
      });
      expect(await kernel.stageOf('a1')).toBe('applied');
      const listed = await listInstalled(kernel, silentUi);
      expect(listed.map(({ boot: result }) => result?.outcome)).toEqual([
        'applied',
        'failed',
        undefined,
      ]);
    }));

  it('tries nothing if it cannot note what it tries', () =>
    withDirectory(async (where) => {
      const before = await boot(where, 'first');
      await installUpdate(await update(where, 'a1'), before);
      const kernel = await boot(where, 'second');
      await mkdir(path.join(kernel.paths.installed, '.attempt.json', 'x'), { recursive: true });
      const error = await refusal(bootUpdates(kernel, OPTIONS, silentUi));
      expect(error).toMatchObject({ code: 'boot-incomplete' });
      expect(kernel.events.filter((event) => !event.startsWith('systemctl'))).toEqual([]);
    }));
});
