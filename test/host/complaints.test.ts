import { expect, it } from 'vitest';
import { complaintsIn } from '../../src/host/complaints.js';
import { parseRecord } from '../../src/host/kernel-log.js';
import { damageFlags, newComplaints, taintFlags } from '../../src/host/taint.js';

const record = (text: string, sequence = 0) => ({ sequence, fromKernel: true, text });

it.each([
  'BUG: kernel NULL pointer dereference, address: 0000000000000000',
  'BUG: unable to handle page fault for address: ffffa0000000dead',
  'BUG: KASAN: use-after-free in tcp_v4_rcv+0x12/0x340 [ksplice_a1_vmlinux_new]',
  'BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580',
  'WARNING: CPU: 0 PID: 131 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110',
  'watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [node:123]',
  'kernel BUG at mm/slub.c:305!',
  'Oops: 0002 [#1] PREEMPT SMP NOPTI',
  'general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1]',
  'INFO: task insmod:123 blocked for more than 120 seconds.',
  'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
  'rcu: INFO: rcu_sched self-detected stall on CPU',
  'UBSAN: array-index-out-of-bounds in net/x.c:12:3',
  'list_del corruption. next->prev should be ffff, but was dead',
])('takes %j for a complaint', (text) => {
  expect(complaintsIn([record('x'), record(text)])).toMatchObject([{ text }]);
  expect(complaintsIn([{ ...record(text), fromKernel: false }])).toEqual([]);
});

it.each([
  'ksplice: loading out-of-tree module taints kernel.',
  'perf: interrupt took too long (2503 > 2500), lowering',
  'x86/CPU: a warning in words',
  'DEBUG: nothing',
  'EXT4-fs (vda1): mounted filesystem',
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
  expect(found.map(({ updates }) => updates)).toEqual([[], ['a1']]);
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
