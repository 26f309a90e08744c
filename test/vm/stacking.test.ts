// Updates on updates, made from source patches: the second replaces a function of
// the first once more and uses what that one added; the third changes what the first added.

import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import { configure, ksplice, kspliceFails, kspliceIn, kspliceModules, ROOT } from './ksplice.js';

const SOFTIRQS = 'fs/proc/softirqs.c';
const SNMP = 'net/sctp/proc.c';

type Edit = readonly [file: string, from: string | RegExp, to: string];

const first: readonly Edit[] = [
  [
    SOFTIRQS,
    /^static int show_softirqs/m,
    `unsigned int tellings;

/* Neither inlined nor adapted to its caller. */
static __attribute__((__noipa__)) void tell(struct seq_file *m, const char *who)
{
	static unsigned int count;

	seq_printf(m, "%s %u of %u\\n", who, ++count, ++tellings);
}

static int show_softirqs`,
  ],
  [
    SOFTIRQS,
    /^\tseq_puts\(p, /m,
    '\tstatic int shows;\n\n\ttell(p, "first");\n\tseq_printf(p, "shows %d\\n", ++shows);\n\tseq_puts(p, ',
  ],
  [SNMP, /^(static int sctp_snmp_seq_show)/m, 'static int snmp_shows;\n\n$1'],
  [SNMP, /^(\tsnmp_get_cpu_field_batch)/m, '\tseq_printf(seq, "First\\t%d\\n", ++snmp_shows);\n$1'],
];
const second: readonly Edit[] = [
  [SOFTIRQS, 'tell(p, "first");', 'tell(p, "second");\n\ttellings += 10;'],
  // A module uses what the update below added to the kernel proper.
  [SNMP, 'static int snmp_shows;', '$&\n\nextern unsigned int tellings;'],
  [SNMP, '"First\\t%d\\n", ++snmp_shows', '"Second\\t%d\\t%u\\n", ++snmp_shows, tellings'],
];
const third: readonly Edit[] = [[SOFTIRQS, '%s %u of %u', '%s, %u of %u']];

let kernel: TestKernel;
const folder = join(ROOT, '.work', 'stacking');
const update = (id: string) => join(folder, `ksplice-${id}.tar.gz`);

/** Texts of files after edits, and the patch that makes them. */
async function edit(
  name: string,
  before: ReadonlyMap<string, string>,
  edits: readonly Edit[],
): Promise<Map<string, string>> {
  const texts = new Map(before);
  for (const [file, from, to] of edits) {
    const text = texts.get(file) ?? readFileSync(join(kernel.source, file), 'utf8');
    expect(text).toMatch(from);
    texts.set(file, text.replace(from, to));
  }
  const parts = [...texts].map(([file, text]) => {
    const old = before.get(file) ?? readFileSync(join(kernel.source, file), 'utf8');
    return old === text ? '' : createTwoFilesPatch(`a/${file}`, `b/${file}`, old, text);
  });
  await writeFile(join(folder, `${name}.patch`), parts.join(''));
  return texts;
}

const create = (id: string, ...more: string[]) =>
  ksplice([
    ...['create', '--patch', join(folder, `${id}.patch`), '--config', join(folder, 'conf')],
    ...['--id', id, '--output', folder, ...more],
  ]);

beforeAll(async () => {
  kernel = await testKernel();
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await configure(kernel, join(folder, 'conf'));
  const one = await edit('first', new Map(), first);
  const two = await edit('second', one, second);
  await edit('third', two, third);
  await edit('stranger', new Map(), [[SOFTIRQS, "'\\n'", "'!'"]]);
  await create('first');
  await create('second', '--on', update('first'));
  // The last one made; the first is found beside it.
  await create('third', '--series');
  await create('stranger');
});

describe('updates on updates', () => {
  it('share what they added, and go in and out in one order only', async () => {
    await withGuest({ name: 'stacking', kernel, timeoutMs: 1_800_000 }, async (guest) => {
      await guest.ok('modprobe sctp');
      const shown = async () => {
        const lines = (await guest.ok('cat /proc/softirqs')).split('\n');
        return lines.slice(
          0,
          lines.findIndex((line) => /^ +CPU0/.test(line)),
        );
      };
      // One reading may show it more than once.
      let count = 0;
      const snmp = async () => {
        const line = await guest.ok('head -n1 /proc/net/sctp/snmp');
        const [who, number, told] = line.split('\t') as [string, string, string?];
        expect(Number(number)).toBeGreaterThan(count);
        count = Number(number);
        return told === undefined ? who : `${who} after ${told}`;
      };
      expect(await kspliceFails(guest, `apply ${update('second')}`)).toMatchObject({
        code: 'base-missing',
        message: expect.stringMatching(/on top of update first, which is not applied/),
      });

      await kspliceIn(guest, `apply ${update('first')}`);
      expect(await shown()).toEqual(['first 1 of 1', 'shows 1']);
      expect(await snmp()).toBe('First');
      expect(await kspliceFails(guest, `apply ${update('stranger')}`)).toMatchObject({
        code: 'no-match',
        advice: expect.stringMatching(/--on ksplice-first.tar.gz/),
      });

      await kspliceIn(guest, `apply ${update('second')}`);
      expect(await shown()).toEqual(['second 2 of 2', 'shows 2']);
      expect(await shown()).toEqual(['second 3 of 13', 'shows 3']);
      expect(await snmp()).toBe('Second after 23');

      await kspliceIn(guest, `apply ${update('third')}`);
      const [told, shows] = await shown();
      expect(told).toBe('second, 4 of 24');
      expect(shows).toBe('shows 4');
      expect(await snmp()).toBe('Second after 34');
      const { updates } = await kspliceIn(guest, 'view');
      expect(updates).toMatchObject([
        { id: 'first', order: 1, on: [] },
        { id: 'second', order: 2, on: ['first'] },
        { id: 'third', order: 3, on: ['first', 'second'] },
      ]);

      // Three jumps were written at one place; a check sees none of them.
      for (const id of ['first', 'third', 'stranger']) {
        await kspliceIn(guest, `check ${update(id)} --live`);
      }

      for (const id of ['first', 'second']) {
        const refused = await kspliceFails(guest, `undo ${id}`);
        expect(refused).toMatchObject({ code: 'stacked', message: expect.stringMatching(/third/) });
      }
      await kspliceIn(guest, 'undo third');
      expect((await shown())[0]).toMatch(/^second 5 of 35$/);
      await kspliceIn(guest, 'undo second');
      expect((await shown())[0]).toMatch(/^first 6 of 46$/);
      expect(await snmp()).toBe('First');
      await kspliceIn(guest, 'undo first');
      expect(await shown()).toEqual([]);
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });
});
