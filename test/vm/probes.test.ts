// Probes and updates: what may not be probed in the kernel may not be in new code, and
// whoever probes a function by its name goes on doing so while it is replaced.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import { kspliceIn, kspliceModules, ROOT, sourcePatch } from './ksplice.js';
import { Workshop } from './workshop.js';

const TRACING = '/sys/kernel/tracing';
const EVENTS = `${TRACING}/kprobe_events`;
let kernel: TestKernel;
let workshop: Workshop;
/** Attaches programs to a function. */
let attach: string;

beforeAll(async () => {
  kernel = await testKernel();
  workshop = await Workshop.open(kernel, 'probes');
  attach = join(workshop.folder, 'attach');
  const source = join(ROOT, 'test', 'fixtures', 'probes', 'attach.c');
  execFileSync('gcc', ['-O1', '-Wall', '-o', attach, source]);
});

/** Where a function is in a module of an update, all its parts. */
async function partsOf(guest: Guest, name: string, module?: string): Promise<bigint[]> {
  const where = module === undefined ? "-v '\\['" : `-F '[${module}]'`;
  const lines = (await guest.ok(`grep ${where} /proc/kallsyms`)).split('\n');
  return lines.flatMap((line) => {
    const [address, , symbol] = line.split(/\s/);
    return symbol === name || symbol?.startsWith(`${name}.`) ? [BigInt(`0x${address}`)] : [];
  });
}

/** What the kernel says to a probe at an address: "" if it takes it, which is taken away again. */
async function probe(guest: Guest, address: bigint): Promise<string> {
  const place = `0x${address.toString(16)}`;
  const { stderr } = await guest.run(`export LC_ALL=C; echo p:tried/at ${place} >>${EVENTS}`);
  if (stderr === '') await guest.ok(`echo -:tried/at >>${EVENTS}`);
  return stderr.trim().replace(/^.*: /, '');
}

/** The stretches of code that are closed to kprobes. */
async function closed(guest: Guest): Promise<{ start: bigint; end: bigint }[]> {
  const text = await guest.ok('cat /sys/kernel/debug/kprobes/blacklist');
  return [...text.matchAll(/^(0x[0-9a-f]+)-(0x[0-9a-f]+)\t/gm)].map(([, start, end]) => ({
    start: BigInt(start!),
    end: BigInt(end!),
  }));
}

describe('new code of functions that may not be probed', () => {
  const MODULE = 'ksplice_closed_vmlinux_new';
  /** On the kernel's list; its warnings lie elsewhere. */
  const LISTED = 'do_trap';
  /** New in a section that is closed, and what comes along with it. */
  const IN_SECTION = ['divides', 'fixup_bad_iret'];
  const OPEN = 'uptime_proc_show';
  let divide: string;
  let update: string;

  beforeAll(async () => {
    const helper =
      'static noinstr bool divides(int trapnr)\n{\n\treturn trapnr == X86_TRAP_DE;\n}\n\n';
    const use = '\n\tif (divides(trapnr))\n\t\tpr_info("ksplice test: a division\\n");\n';
    const patch = [
      sourcePatch(kernel, 'arch/x86/kernel/traps.c', [
        [/^static void\ndo_trap\(/m, `${helper}$&`],
        [/^do_trap\([^{]*\{\n\tstruct task_struct [^;]*;\n/m, `$&${use}`],
      ]),
      sourcePatch(kernel, 'fs/proc/uptime.c', [
        [/^\tseq_printf\(m, "%lu/m, '\tasm volatile("nop");\n$&'],
      ]),
    ];
    update = await workshop.create('closed', patch.join(''));
    const source = 'int main(int argc, char **argv) { return argv[0][0] / (argc - 1); }';
    divide = join(workshop.folder, 'divide');
    execFileSync('gcc', ['-x', 'c', '-o', divide, '-'], { input: source });
  });

  it('may not be probed either', async () => {
    await withGuest({ name: 'probes-closed', kernel }, async (guest) => {
      const before = await closed(guest);
      await kspliceIn(guest, `apply ${update}`);
      const text = await guest.ok('cat /sys/kernel/ksplice/closed/functions');
      const newCodeOf = (name: string) =>
        BigInt(new RegExp(`^vmlinux ${name} .* (\\w+)$`, 'm').exec(text)?.[1] ?? 0);

      const now = await closed(guest);
      const covers = (at: bigint) => now.some(({ start, end }) => start <= at && at < end);
      const [open] = await partsOf(guest, OPEN, MODULE);
      expect(open).toBe(newCodeOf(OPEN));
      expect(await probe(guest, open!)).toBe('');
      expect(covers(open!)).toBe(false);

      const listed = await partsOf(guest, LISTED, MODULE);
      expect(listed).toContain(newCodeOf(LISTED));
      expect(listed).toHaveLength((await partsOf(guest, LISTED)).length);
      for (const name of [LISTED, ...IN_SECTION]) {
        const parts = await partsOf(guest, name, MODULE);
        expect(parts, name).not.toEqual([]);
        for (const at of parts) {
          expect(await probe(guest, at), name).toBe('Invalid argument');
          expect(covers(at), name).toBe(true);
        }
      }

      await guest.run(divide);
      const log = await guest.dmesg();
      expect(log.filter(({ text }) => text.includes('ksplice test: a division'))).toHaveLength(1);

      await kspliceIn(guest, 'undo closed');
      expect(await kspliceModules(guest)).toEqual([]);
      expect(await closed(guest)).toHaveLength(before.length);
    });
  });
});

describe('a function that is replaced', () => {
  const SHOWS = { uptime_proc_show: '/proc/uptime', loadavg_proc_show: '/proc/loadavg' } as const;
  const updates: string[] = [];

  /** Both functions say which form of them runs. */
  const says = (word: string) =>
    Object.keys(SHOWS).map((name) => {
      const file = `fs/proc/${name.replace('_proc_show', '')}.c`;
      return sourcePatch(kernel, file, [[/^\tseq_printf\(m, "/m, `$&${word} `]]);
    });

  beforeAll(async () => {
    updates.push(await workshop.create('named', says('first').join('')));
    const again = says('second')
      .join('')
      .replaceAll(/^-(\tseq_printf\(m, ")/gm, '-$1first ');
    updates.push(await workshop.create('again', again, '--on', updates[0]!));
  });

  /** By each way in which somebody names a function: is it found, and does it fire when it is called? */
  async function reachable(guest: Guest, word: string): Promise<void> {
    for (const [name, file] of Object.entries(SHOWS)) {
      expect(await guest.ok(`cat ${file}`)).toMatch(new RegExp(`^${word}[0-9]`));
      await guest.ok(
        `echo 'p:tried/call ${name}' >${EVENTS}; echo 'r:tried/end ${name}' >>${EVENTS}`,
      );
      await guest.ok(`cd ${TRACING}; echo >trace; echo 1 >events/tried/enable; cat ${file}`);
      await guest.ok(`echo 0 >${TRACING}/events/tried/enable`);
      const events = await guest.ok(`cat ${TRACING}/trace`);
      expect(events.match(/ call: \(/g), events).toHaveLength(1);
      expect(events.match(/ end: \(/g), events).toHaveLength(1);
      await guest.ok(`echo >${EVENTS}`);

      for (const way of ['kprobe', 'kretprobe', 'fentry']) {
        expect(await guest.ok(`${attach} ${way} ${name} ${file}`), way).toBe('1');
      }

      await guest.ok(`cd ${TRACING}; echo ${name} >set_ftrace_filter; echo >trace`);
      expect(await guest.ok(`cat ${TRACING}/set_ftrace_filter`)).toBe(name);
      for (const tracer of ['function', 'function_graph']) {
        await guest.ok(
          `cd ${TRACING}; echo ${tracer} >current_tracer; cat ${file}; cat trace >/tmp/trace`,
        );
        await guest.ok(`cd ${TRACING}; echo nop >current_tracer`);
        const trace = await guest.ok(`grep -v '^#' /tmp/trace`);
        expect(trace.match(new RegExp(`${name}( <-|\\(\\))`, 'g')), trace).toHaveLength(1);
      }
      await guest.ok(`cd ${TRACING}; echo >set_ftrace_filter`);

      const symbols = await guest.ok(`awk '$3 == "${name}"' /proc/kallsyms`);
      expect(symbols.split('\n'), symbols).toHaveLength(1);
    }
  }

  it('is found by its name, before, while it is replaced, and afterwards', async () => {
    await withGuest({ name: 'probes-by-name', kernel }, async (guest) => {
      await reachable(guest, '');
      const [first, second] = updates;
      await kspliceIn(guest, `apply ${first}`);
      await reachable(guest, 'first ');
      await kspliceIn(guest, `apply ${second}`);
      await reachable(guest, 'second ');

      // Nothing of ours has the name of a function of the kernel.
      await guest.ok(
        `awk '/\\[ksplice/ && tolower($2) != "u" { print $3 }' /proc/kallsyms | sort -u >/tmp/ours`,
      );
      await guest.ok(
        `awk '!/\\[ksplice/ && $2 ~ /[tTwW]/ { print $3 }' /proc/kallsyms | sort -u >/tmp/others`,
      );
      const both = await guest.ok('comm -12 /tmp/ours /tmp/others');
      expect(both.replaceAll(/^(__pfx_)?(init|cleanup)_module$/gm, '').trim()).toBe('');
      expect(await guest.ok('grep -cx uptime_proc_show.ksplice_again /tmp/ours')).toBe('1');

      await kspliceIn(guest, 'undo again');
      await reachable(guest, 'first ');
      await kspliceIn(guest, 'undo named');
      await reachable(guest, '');
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });
});
