// `apply --replace`: an update takes the place of earlier ones in one stop.

import { expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import { kspliceIn, sourcePatch, toolLine } from './ksplice.js';
import { Workshop } from './workshop.js';

const kernel = await testKernel();

it('apply --replace leaves no moment without the one or the other', async () => {
  const workshop = await Workshop.open(kernel, 'replace');
  const version = (word: string) =>
    sourcePatch(kernel, 'fs/proc/version.c', [
      [/\tseq_printf\(m, linux_proc_banner,/, `\tseq_puts(m, "${word} ");\n$&`],
    ]);
  const devices = sourcePatch(kernel, 'fs/proc/devices.c', [
    [/seq_puts\(f, "Character devices:\\n"\)/, 'seq_puts(f, "Characters:\\n")'],
  ]);
  const first = await workshop.create('first', version('first'));
  const second = await workshop.create('second', version('second'), '--supersedes', 'first,never');
  const third = await workshop.create('third', version('third'));
  const other = await workshop.create('other', devices);

  await withGuest({ name: 'replace', kernel, parallel: true }, async (guest) => {
    const says = async () => (await guest.ok('cat /proc/version')).split(' ')[0];
    const ids = async () =>
      ((await kspliceIn(guest, 'view')).updates as { id: string }[]).map(({ id }) => id).sort();
    await kspliceIn(guest, `apply ${first}`);
    await kspliceIn(guest, `apply ${other}`);
    const reader = guest.spawn(
      'while [ ! -e /run/stop ]; do read word rest </proc/version; echo $word; done >/run/seen',
    );
    const refused = await guest.run(toolLine(`apply ${second}`), { timeoutMs: 120_000 });
    expect(JSON.parse(refused.stdout).error).toMatchObject({
      code: 'no-match',
      advice: expect.stringContaining('apply --replace'),
    });
    expect(await kspliceIn(guest, `apply --dry-run --replace ${second}`)).toMatchObject({
      ok: true,
      changed: false,
      replaced: ['first'],
    });
    expect(await says()).toBe('first');
    expect(await ids()).toEqual(['first', 'other']);

    expect(await kspliceIn(guest, `apply --replace ${second}`)).toMatchObject({
      ok: true,
      changed: true,
      replaced: ['first'],
    });
    expect(await says()).toBe('second');
    expect(await ids()).toEqual(['other', 'second']);
    expect(await guest.ok('cat /proc/modules')).not.toContain('ksplice_first');

    // It names none, so all give way.
    expect(await kspliceIn(guest, `apply --replace ${third}`)).toMatchObject({
      ok: true,
      replaced: ['second', 'other'],
    });
    expect(await says()).toBe('third');
    expect(await ids()).toEqual(['third']);
    expect(await guest.ok('head -n 1 /proc/devices')).toBe('Character devices:');

    await guest.ok('touch /run/stop');
    await reader.finished(120_000);
    expect((await guest.ok('uniq /run/seen')).split('\n')).toEqual(['first', 'second', 'third']);
    await kspliceIn(guest, 'undo third');
    expect(await says()).toBe('Linux');
    expect(await guest.ok('cat /proc/modules')).not.toContain('ksplice');
  });
});
