// What one target of an update adds, another one uses: a counter that is new in the
// kernel proper, and is shown by a module.

import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import { kspliceIn, kspliceModules, type SourceEdit, sourcePatch } from './ksplice.js';
import { Workshop } from './workshop.js';

let update: string;
let kernel: TestKernel;

const patch = (file: string, edits: readonly SourceEdit[]) => sourcePatch(kernel, file, edits);

beforeAll(async () => {
  kernel = await testKernel();
  // The module comes first in the patch, and last into the kernel.
  const parts = [
    patch('net/sctp/proc.c', [
      [/^(?=static int sctp_snmp_seq_show)/m, 'extern int shows_of_softirqs(int more);\n\n'],
      [
        /^(?=\tsnmp_get_cpu_field_batch)/m,
        '\tseq_printf(seq, "Shows\\t%d\\n", shows_of_softirqs(100));\n',
      ],
    ]),
    patch('fs/proc/softirqs.c', [
      [
        /^(?=static int show_softirqs)/m,
        'int shows_of_softirqs(int more);\nint shows_of_softirqs(int more)\n{\n\tstatic int shows;\n\n\treturn shows += more;\n}\n\n',
      ],
      [/^(?=\tseq_puts\(p, )/m, '\tshows_of_softirqs(1);\n'],
    ]),
  ];
  const workshop = await Workshop.open(kernel, 'shared');
  update = await workshop.create('shared', parts.join(''));
});

describe('a function that is new in the kernel proper', () => {
  it('is called by the new code of a module', async () => {
    await withGuest({ name: 'shared', kernel, timeoutMs: 1_200_000 }, async (guest) => {
      await guest.ok('modprobe sctp');
      const snmp = () => guest.ok('head -n1 /proc/net/sctp/snmp');
      const plain = await snmp();
      await kspliceIn(guest, `apply ${update}`);
      expect(await kspliceModules(guest)).toEqual([
        'ksplice',
        'ksplice_shared_sctp_new',
        'ksplice_shared_vmlinux_new',
      ]);
      // One reading may show it more than once: the hundreds do not matter.
      expect(await snmp()).toMatch(/^Shows\t\d*00$/);
      await guest.ok('cat /proc/softirqs');
      await guest.ok('cat /proc/softirqs');
      expect(await snmp()).toMatch(/^Shows\t\d*02$/);
      await kspliceIn(guest, 'undo shared');
      expect(await snmp()).toMatch(plain.split(/\s/)[0]!);
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });
});
