// Types of data that a patch changes, with an object that is there before, during and after:
// an eventfd, of which the kernel keeps a struct that is declared in one file.

import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import { ksplice, kspliceIn, kspliceModules, type SourceEdit, sourcePatch } from './ksplice.js';
import { Workshop } from './workshop.js';

const FILE = 'fs/eventfd.c';
const IN_HOLE: SourceEdit = [/^\tstruct kref kref;\n/m, '$&\tint writes;\n'];
const AT_END: SourceEdit = [/^\tint id;\n/m, '$&\tint writes;\n\tlong room;\n'];
const MOVED: SourceEdit = [
  /^\t__u64 count;\n\tunsigned int flags;\n/m,
  '\tunsigned int flags;\n\t__u64 count;\n',
];
const COUNTS: readonly SourceEdit[] = [
  [
    /^(static ssize_t eventfd_write\([\s\S]*?)\tspin_lock_irq\(&ctx->wqh.lock\);\n/m,
    '$&\tctx->writes++;\n',
  ],
  [
    /^\tseq_printf\(m, "eventfd-id: .*\n/m,
    '$&\tseq_printf(m, "eventfd-writes: %d\\n", ctx->writes);\n',
  ],
];

let kernel: TestKernel;
let workshop: Workshop;
beforeAll(async () => {
  kernel = await testKernel();
  workshop = await Workshop.open(kernel, 'layout');
});

const patch = (...edits: SourceEdit[]) => sourcePatch(kernel, FILE, edits);

describe('a struct that is in use', () => {
  it.each([
    ['grows', [AT_END, ...COUNTS], /size grows from \d+ to \d+ bytes[\s\S]*\+ long int room;/],
    ['has its members in another order', [MOVED], /count moves from byte \d+ to byte \d+/],
  ])('is refused if it %s', async (_, edits, expected) => {
    const refused = workshop.create('refused', patch(...edits));
    await expect(refused).rejects.toThrow(/struct eventfd_ctx: /);
    await expect(refused).rejects.toThrow(expected);
    await expect(refused).rejects.toThrow(/layout-changed/);
  });

  it('changes by the word of its author, which is shown', async () => {
    const words = ['--allow-layout', 'struct:eventfd_ctx'];
    const update = await workshop.create('allowed', patch(AT_END, ...COUNTS), ...words);
    const shown = await ksplice(['view', '--file', update]);
    expect(shown).toMatchObject({ allowLayout: ['struct eventfd_ctx'] });
    const idle = workshop.create('idle', patch(IN_HOLE, ...COUNTS), ...words);
    await expect(idle).rejects.toThrow(/--allow-layout is not needed for struct eventfd_ctx/);
  });

  it('may have a member in a hole, which objects have that were there before', async () => {
    const update = await workshop.create('hole', patch(IN_HOLE, ...COUNTS));
    expect(await ksplice(['view', '--file', update])).toMatchObject({
      report: {
        layout: {
          comparing: 'compared',
          changes: [
            {
              name: 'struct eventfd_ctx',
              verdict: 'fits',
              notes: [expect.stringContaining('writes is new, where there was a hole')],
            },
          ],
        },
      },
    });
    await withGuest({ name: 'layout', kernel }, async (guest) => {
      await startWriter(guest);
      expect(await writeOnce(guest)).not.toHaveProperty('eventfd-writes');
      await kspliceIn(guest, `apply ${update}`);
      const first = await writeOnce(guest);
      const second = await writeOnce(guest);
      // What was in the hole is not known.
      expect(second['eventfd-writes']).toBe((first['eventfd-writes']! + 1) | 0);
      expect(second['eventfd-count']).toBe(first['eventfd-count']! + 1);
      await kspliceIn(guest, 'undo hole');
      const last = await writeOnce(guest);
      expect(last).not.toHaveProperty('eventfd-writes');
      expect(last['eventfd-count']).toBe(second['eventfd-count']! + 1);
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });
});

/** A process with an eventfd to which it adds 1 for each SIGUSR1. */
async function startWriter(guest: Guest): Promise<void> {
  const EVENTFD2 = 290;
  const script = `open(my $fd, "+<&=", syscall(${EVENTFD2}, 0, 0)) or die;
    $SIG{USR1} = sub { syswrite($fd, pack("Q", 1)); open(my $done, ">", "/run/test/written"); };
    open(my $name, ">", "/run/test/writer"); print $name "$$ ", fileno($fd); close $name;
    sleep 1000 while 1;`;
  await guest.writeFile('/run/test/writer.pl', script);
  await guest.ok(
    'setsid perl /run/test/writer.pl >/dev/null 2>&1 </dev/null & until [ -s /run/test/writer ]; do sleep 0.1; done',
  );
}

/** Has it write once, and reads what the kernel says of the eventfd. */
async function writeOnce(guest: Guest): Promise<Record<string, number>> {
  const text = await guest.ok(
    'read -r pid fd </run/test/writer; rm -f /run/test/written; kill -USR1 $pid; ' +
      'until [ -e /run/test/written ]; do sleep 0.1; done; cat /proc/$pid/fdinfo/$fd',
  );
  const lines = [...text.matchAll(/^(eventfd-\w+):\s+(-?[0-9a-f]+)$/gm)];
  return Object.fromEntries(
    lines.map(([, name, value]) => [
      name!,
      Number.parseInt(value!, name === 'eventfd-count' ? 16 : 10),
    ]),
  );
}
