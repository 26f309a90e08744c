// First lines of reports in the wordings of kernels from 4.19 to 6.18 (written after their format
// strings, not copied from machines), and lines that are none.

import { describe, expect, it } from 'vitest';
import { complaintsIn, loudest } from '../../src/host/complaints.js';

const kindOf = (line: string) => complaintsIn([line], 'u1')[0]?.kind;

describe('complaintsIn', () => {
  it.for([
    ['oops', 'Oops: 0000 [#1] SMP PTI'],
    ['oops', 'Oops: 0002 [#1] PREEMPT SMP NOPTI'],
    ['oops', 'Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI'],
    ['oops', 'general protection fault: 0000 [#1] SMP NOPTI'],
    [
      'oops',
      'general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#2] SMP',
    ],
    [
      'oops',
      'Oops: general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP',
    ],
    ['oops', 'invalid opcode: 0000 [#1] PREEMPT SMP'],
    ['oops', 'divide error: 0000 [#1] SMP PTI'],
    ['oops', 'Internal error: Oops: 0000000096000004 [#1] SMP'],
    ['oops', 'Kernel panic - not syncing: Fatal exception in interrupt'],
    ['bug', 'BUG: unable to handle kernel NULL pointer dereference at 0000000000000008'],
    ['bug', 'BUG: kernel NULL pointer dereference, address: 0000000000000000'],
    ['bug', 'BUG: unable to handle page fault for address: ffffffffc0a01000'],
    ['bug', 'BUG: scheduling while atomic: swapper/0/0/0x00000100'],
    ['bug', 'BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580'],
    ['bug', 'BUG: Bad page state in process kworker/0:1  pfn:12345'],
    ['bug', 'kernel BUG at mm/slub.c:321!'],
    ['warning', 'WARNING: CPU: 1 PID: 432 at net/core/dev.c:2654 netif_set_xps_queue+0x1/0x20'],
    [
      'warning',
      'WARNING: CPU: 0 PID: 1 Comm: cat at fs/proc/version.c:14 version_proc_show+0x1c/0x30 [ksplice_u1_vmlinux_new]',
    ],
    ['warning', 'WARNING: fs/proc/version.c:14 at version_proc_show+0x1c/0x30, CPU#1: cat/432'],
    ['warning', 'WARNING: possible circular locking dependency detected'],
    ['warning', 'WARNING: suspicious RCU usage'],
    ['lockup', 'watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [cat:432]'],
    ['lockup', 'NMI watchdog: Watchdog detected hard LOCKUP on cpu 3'],
    ['lockup', 'watchdog: Watchdog detected hard LOCKUP on cpu 3'],
    ['lockup', 'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!'],
    ['hung-task', 'INFO: task jbd2/sda1-8:234 blocked for more than 120 seconds.'],
    ['rcu-stall', 'rcu: INFO: rcu_preempt self-detected stall on CPU'],
    ['rcu-stall', 'rcu: INFO: rcu_sched detected stalls on CPUs/tasks:'],
    ['rcu-stall', 'INFO: rcu_sched self-detected stall on CPU'],
    [
      'rcu-stall',
      'rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-... } 21 jiffies s: 5 root: 0x2/.',
    ],
    ['kasan', 'BUG: KASAN: slab-use-after-free in f+0x1/0x2 [m]'],
    ['kasan', 'BUG: KASAN: use-after-free in f+0x1/0x2'],
    ['kasan', 'BUG: KFENCE: out-of-bounds read in f+0x1/0x2'],
  ] as const)('%s: %s', ([kind, line]) => {
    expect(kindOf(line)).toBe(kind);
  });

  it.for([
    'ksplice_u1_vmlinux_new: loading out-of-tree module taints kernel.',
    'debug: unmapping init memory',
    'x86/mm: Checked W+X mappings: passed, no W+X pages found.',
    'EXT4-fs warning (device sda1): ext4_multi_mount_protect:322: MMP interval 42 higher than expected',
    'Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible',
    'rcu: Hierarchical RCU implementation.',
    'perf: interrupt took too long (2530 > 2500), lowering kernel.perf_event_max_sample_rate to 79000',
    'Modules linked in: ksplice_u1_vmlinux_new(OE) ksplice(OE)',
    'PCI: Using configuration type 1 for base access [#]',
  ])('no complaint: %s', (line) => {
    expect(kindOf(line)).toBeUndefined();
  });

  const report = (frames: readonly string[]) => [
    'BUG: kernel NULL pointer dereference, address: 0000000000000000',
    'Oops: 0002 [#1] PREEMPT SMP NOPTI',
    'Call Trace:',
    ...frames,
    '---[ end trace 0000000000000000 ]---',
  ];

  it('finds a frame in new code of this very update, and no guess', () => {
    const own = 'RIP: 0010:version_proc_show+0x1c/0x30 [ksplice_u1_vmlinux_new]';
    expect(loudest(complaintsIn(report([own]), 'u1'))?.inNewCode).toBe(
      'version_proc_show+0x1c/0x30 [ksplice_u1_vmlinux_new]',
    );
    expect(loudest(complaintsIn(report([own]), 'u2'))?.inNewCode).toBeNull();
    const guess = ' ? version_proc_show+0x1c/0x30 [ksplice_u1_vmlinux_new]';
    expect(loudest(complaintsIn(report([guess]), 'u1'))?.inNewCode).toBeNull();
    const after = [
      ...report([' seq_read+0x1/0x2']),
      ` version_proc_show+0x1c/0x30 [ksplice_u1_vmlinux_new]`,
    ];
    expect(loudest(complaintsIn(after, 'u1'))?.inNewCode).toBeNull();
  });

  it('puts the report in new code first', () => {
    const lines = [
      ...report([' f+0x1/0x2 [other]']),
      ...report([' g+0x1/0x2 [ksplice_u1_sctp_new abc]']),
    ];
    expect(loudest(complaintsIn(lines, 'u1'))?.inNewCode).toContain('g+0x1/0x2');
  });
});
