import { expect, it } from 'vitest';
import { complaintsIn } from '../../src/host/complaints.js';
import { parseRecord } from '../../src/host/kernel-log.js';
import { damageFlags, newComplaints, taintFlags } from '../../src/host/taint.js';

const record = (text: string, sequence = 0) => ({ sequence, fromKernel: true, text });

// In the wordings of kernels from 4.19 to 6.18, written after their format strings.
it.each([
  'BUG: kernel NULL pointer dereference, address: 0000000000000000',
  'BUG: unable to handle kernel NULL pointer dereference at 0000000000000008',
  'BUG: unable to handle page fault for address: ffffa0000000dead',
  'BUG: scheduling while atomic: swapper/0/0/0x00000100',
  'BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580',
  'BUG: Bad page state in process kworker/0:1  pfn:12345',
  'BUG: KASAN: use-after-free in tcp_v4_rcv+0x12/0x340 [ksplice_a1_vmlinux_new]',
  'BUG: KFENCE: out-of-bounds read in f+0x1/0x2',
  'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!',
  'WARNING: CPU: 0 PID: 131 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110',
  'WARNING: fs/proc/version.c:14 at version_proc_show+0x1c/0x30, CPU#1: cat/432',
  'WARNING: possible circular locking dependency detected',
  'WARNING: suspicious RCU usage',
  'watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [node:123]',
  'NMI watchdog: Watchdog detected hard LOCKUP on cpu 3',
  'watchdog: Watchdog detected hard LOCKUP on cpu 3',
  'kernel BUG at mm/slub.c:305!',
  'Oops: 0002 [#1] PREEMPT SMP NOPTI',
  'Oops: general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP',
  'Internal error: Oops: 0000000096000004 [#1] SMP',
  'general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1]',
  'general protection fault: 0000 [#1] SMP NOPTI',
  'invalid opcode: 0000 [#1] PREEMPT SMP',
  'divide error: 0000 [#1] SMP PTI',
  'Kernel panic - not syncing: Fatal exception in interrupt',
  'INFO: task insmod:123 blocked for more than 120 seconds.',
  'INFO: task jbd2/sda1-8:234 blocked in I/O wait for more than 120 seconds.',
  'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
  'rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-... } 21 jiffies s: 5',
  'rcu: INFO: rcu_sched self-detected stall on CPU',
  'INFO: rcu_sched self-detected stall on CPU',
  'UBSAN: array-index-out-of-bounds in net/x.c:12:3',
  'list_del corruption. next->prev should be ffff, but was dead',
  'list_add double add: new=ffff, prev=ffff, next=ffff.',
])('takes %j for a complaint', (text) => {
  expect(complaintsIn([record('x'), record(text)])).toMatchObject([{ text }]);
  expect(complaintsIn([{ ...record(text), fromKernel: false }])).toEqual([]);
});

it.each([
  'ksplice: loading out-of-tree module taints kernel.',
  'perf: interrupt took too long (2503 > 2500), lowering',
  'x86/CPU: a warning in words',
  'DEBUG: nothing',
  'debug: unmapping init memory',
  'EXT4-fs (vda1): mounted filesystem',
  'EXT4-fs warning (device sda1): ext4_multi_mount_protect:322: MMP interval 42 higher than expected',
  'Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible',
  'x86/mm: Checked W+X mappings: passed, no W+X pages found.',
  'rcu: Hierarchical RCU implementation.',
  'Modules linked in: ksplice_u1_vmlinux_new(OE) ksplice(OE)',
  'PCI: Using configuration type 1 for base access [#]',
])('takes %j for none', (text) => {
  expect(complaintsIn([record(text)])).toEqual([]);
});

it('names the update whose new code a report names, and not those of the next report', () => {
  const found = complaintsIn([
    record('WARNING: CPU: 0 PID: 1 at net/x.c:1 f+0x1/0x2 [x]'),
    record('Modules linked in: ksplice_b1_vmlinux_new(OEK) ksplice(OE)'),
    record(' f+0x1/0x2 [x]'),
    record('BUG: kernel NULL pointer dereference'),
    record('RIP: 0010:f+0x1/0x2 [ksplice_a1_sctp_new]'),
    record(' g+0x1/0x2 [ksplice_a1_sctp_new 0123abcd]'),
  ]);
  expect(found.map(({ frames }) => frames)).toEqual([[], [{ id: 'a1', place: 'f+0x1/0x2' }]]);
});

it('takes neither a guess on the stack nor what follows a report for a place in it', () => {
  const [found] = complaintsIn([
    record('BUG: kernel NULL pointer dereference'),
    record(' ? f+0x1/0x2 [ksplice_a1_sctp_new]'),
    record(' seq_read+0x1/0x2'),
    record('---[ end trace 0000000000000000 ]---'),
    record(' g+0x1/0x2 [ksplice_a1_sctp_new]'),
  ]);
  expect(found?.frames).toEqual([]);
});

it('reads the records of /dev/kmsg', () => {
  expect(parseRecord('4,17,99,-;BUG: x\n SUBSYSTEM=pci\n')).toEqual({
    sequence: 17,
    fromKernel: true,
    text: 'BUG: x',
  });
  expect(parseRecord('12,18,99,-;BUG: said by a program\n')).toMatchObject({ fromKernel: false });
  expect(parseRecord(' SUBSYSTEM=pci')).toBeUndefined();
});

it('knows the taint flags', () => {
  const letters = (flags: readonly { letter: string }[]) =>
    flags.map(({ letter }) => letter).join('');
  expect(letters(taintFlags(0))).toBe('');
  expect(letters(taintFlags((1 << 7) | (1 << 12) | (1 << 13) | (1 << 15)))).toBe('DOEK');
  expect(letters(damageFlags((1 << 7) | (1 << 9) | (1 << 14)))).toBe('DL');
  expect(letters(newComplaints(1 << 9, (1 << 9) | (1 << 12) | (1 << 7)))).toBe('D');
  expect(letters(newComplaints(0, 1 << 9))).toBe('W');
});
