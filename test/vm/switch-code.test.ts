// Code that the switch itself is made of, that handles breakpoints, or that runs in NMIs: it is replaced where
// that is safe, and refused where it is always in use.

import { beforeAll, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import {
  kspliceFails,
  kspliceIn,
  kspliceModules,
  type SourceEdit,
  sourcePatch,
} from './ksplice.js';
import { Workshop } from './workshop.js';

let kernel: TestKernel;
let workshop: Workshop;

beforeAll(async () => {
  kernel = await testKernel();
  workshop = await Workshop.open(kernel, 'switch-code');
});

/** An update of functions that are each to begin with a further instruction, in some files. */
async function create(id: string, files: Readonly<Record<string, RegExp[]>>): Promise<string> {
  const patches = Object.entries(files).map(([file, heads]) => {
    const edits = heads.map((head): SourceEdit => [head, '$&\tasm volatile("nop");\n']);
    return sourcePatch(kernel, file, edits);
  });
  return workshop.create(id, patches.join(''));
}

it('the code of the switch is replaced, or refused as always in use', async () => {
  const stopper = await create('stopper', {
    'kernel/stop_machine.c': [/^static int multi_cpu_stop\(.*\)\n\{\n/m],
  });
  const tools = await create('tools', {
    'arch/x86/kernel/unwind_orc.c': [/^bool unwind_next_frame\(.*\)\n\{\n/m],
    'kernel/time/timekeeping.c': [/^u64 notrace ktime_get_mono_fast_ns\(.*\)\n\{\n/m],
    'arch/x86/kernel/alternative.c': [/^void \*text_poke_kgdb\(.*\)\n\{\n/m],
  });
  const breakpoints = await create('breakpoints', {
    'kernel/notifier.c': [/^int notrace notify_die\([^{]*\)\n\{\n/m],
  });
  await withGuest({ name: 'switch-code', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    expect(await kspliceFails(guest, `apply ${stopper} --timeout 3`)).toMatchObject({
      code: 'busy',
    });
    for (let round = 0; round < 3; round++) {
      await kspliceIn(guest, `apply ${tools}`);
      expect(await guest.ok('cat /proc/self/stack')).toMatch(/proc_pid_stack/);
      await kspliceIn(guest, 'undo tools');
    }
    expect(await kspliceFails(guest, `apply ${breakpoints}`)).toMatchObject({
      code: 'aborted',
      message: expect.stringContaining('may run in an NMI'),
    });
    expect(await kspliceModules(guest)).toEqual([]);
  });
});

/** A CPU that goes offline stays in this function itself. */
const HALTS: SourceEdit = [
  /^\twhile \(1\)\n\t\tdo_idle\(\);\n/m,
  `	while (1) {
		if (cpu_is_offline(smp_processor_id())) {
			local_irq_disable();
			cpuhp_report_idle_dead();
			play_dead_common();
			for (;;)
				native_halt();
		}
		do_idle();
	}
`,
];

it('new code stays for a CPU that went offline in it while tasks were leaving', async () => {
  const patch = sourcePatch(kernel, 'kernel/sched/idle.c', [HALTS]);
  const halts = await workshop.create('halts', patch, '--allow-busy', 'cpu_startup_entry');
  await withGuest({ name: 'switch-idle', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    const turn = (to: 0 | 1) => guest.ok(`echo ${to} >/sys/devices/system/cpu/cpu1/online`);
    await kspliceIn(guest, `apply ${halts}`);
    // It begins anew, in the new code.
    await turn(0);
    await turn(1);
    expect(await kspliceFails(guest, 'undo halts --timeout 1')).toMatchObject({
      code: 'busy',
      message: expect.stringContaining('swapper/1 (0) in cpu_startup_entry+0x'),
    });
    await turn(0);
    expect(await kspliceFails(guest, 'undo halts --timeout 1')).toMatchObject({
      code: 'busy',
      message: expect.stringMatching(/runs again.*: CPU 1$/),
    });
    await turn(1);
    await kspliceIn(guest, 'undo halts');
    expect(await kspliceModules(guest)).toEqual([]);
  });
});
