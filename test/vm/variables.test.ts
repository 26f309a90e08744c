// New variables that the module loader has to make ready: per-cpu ones of each kind, and an
// SRCU domain of a module.

import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import { kspliceIn, kspliceModules, sourcePatch } from './ksplice.js';
import { Workshop } from './workshop.js';

let update: string;
let kernel: TestKernel;

const PER_CPU = `static DEFINE_PER_CPU(unsigned long, load_reads);
static DEFINE_PER_CPU_READ_MOSTLY(unsigned int, load_step) = 5;
static DEFINE_PER_CPU_SHARED_ALIGNED(unsigned long, load_sum);

`;
const COUNT = `	unsigned long reads = 0, sum = 0;
	int cpu;

	this_cpu_inc(load_reads);
	this_cpu_add(load_sum, this_cpu_read(load_step));
	for_each_possible_cpu(cpu) {
		reads += per_cpu(load_reads, cpu);
		sum += per_cpu(load_sum, cpu);
	}
	seq_printf(m, "%lu reads, %lu, %d ", reads, sum,
		   IS_ALIGNED((unsigned long)per_cpu_ptr(&load_sum, 0), SMP_CACHE_BYTES));
`;

const SRCU = `DEFINE_STATIC_SRCU(control_srcu);
static DEFINE_PER_CPU(int, control_reads);

`;
const READ = `	int index = srcu_read_lock(&control_srcu);

	this_cpu_inc(control_reads);
	srcu_read_unlock(&control_srcu, index);
	synchronize_srcu(&control_srcu);
	seq_puts(seq, "read and waited\\n");
`;

beforeAll(async () => {
  kernel = await testKernel();
  const parts = [
    sourcePatch(kernel, 'fs/proc/loadavg.c', [
      [/^(?=#include "internal.h")/m, '#include <linux/percpu.h>\n'],
      [/^(?=static int loadavg_proc_show)/m, PER_CPU],
      [/^(?=\tget_avenrun)/m, COUNT],
    ]),
    sourcePatch(kernel, 'net/core/pktgen.c', [
      [/^(?=#include <linux\/proc_fs.h>)/m, '#include <linux/srcu.h>\n'],
      [/^(?=static int pgctrl_show)/m, SRCU],
      [/^(?=\tseq_puts\(seq, version\);)/m, READ],
    ]),
  ];
  const workshop = await Workshop.open(kernel, 'variables');
  update = await workshop.create('variables', parts.join(''));
});

describe('new variables of the kinds that the loader has to make ready', () => {
  it('begin with their values, have room on each CPU, and can be waited for', async () => {
    await withGuest({ name: 'variables', kernel, timeoutMs: 1_200_000 }, async (guest) => {
      await guest.ok('modprobe pktgen');
      const control = () => guest.ok('cat /proc/net/pktgen/pgctrl');
      const load = () => guest.ok('cat /proc/loadavg');
      const plain = await control();
      for (let round = 0; round < 2; round++) {
        await kspliceIn(guest, `apply ${update}`);
        expect(await load()).toMatch(/^1 reads, 5, 1 /);
        for (let i = 0; i < 8; i++) await load();
        expect(await load()).toMatch(/^10 reads, 50, 1 /);
        expect(await control()).toBe(`read and waited\n${plain}`);
        expect(await control()).toBe(`read and waited\n${plain}`);
        await kspliceIn(guest, 'undo variables');
        expect(await kspliceModules(guest)).toEqual([]);
        expect(await control()).toBe(plain);
      }
    });
  });
});
