import { describe, expect, it } from 'vitest';
import { lockdepWatches, parseRecord, unexpectedRecords } from './kernlog.js';

/** Records at one second and a level, as /dev/kmsg gives them. */
function unexpected(lines: [level: number, text: string][], expected: RegExp[] = []): string[] {
  const records = lines.map(([level, text]) => parseRecord(`${level},1,1000000,-;${text}`)!);
  return unexpectedRecords(records, 500_000, expected).map(({ text }) => text);
}

describe('the kernel log', () => {
  it('is read from /dev/kmsg', () => {
    expect(parseRecord('30,12,3456789,-;systemd: hello; world')).toEqual({
      level: 6,
      time: 3456789,
      text: 'systemd: hello; world',
    });
    expect(parseRecord(' SUBSYSTEM=pci')).toBeUndefined();
  });

  it.each([
    'BUG: kernel NULL pointer dereference, address: 0000000000000000',
    'WARNING: CPU: 0 PID: 1 at kernel/trace/ftrace.c:2066 ftrace_bug+0x82/0x270',
    'Oops: 0002 [#1] PREEMPT SMP PTI',
    'general protection fault, probably for non-canonical address',
    'ftrace failed to modify',
    'Call Trace:',
    'ksplice_x: Unknown symbol y (err -2)',
    'INFO: task modprobe:123 blocked for more than 120 seconds.',
    'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
    'BUG: KASAN: slab-out-of-bounds in report_it+0x2a/0x40 [ksplice]',
    'BUG: KASAN: use-after-free in ksplice_apply+0x12/0x340 [ksplice]',
    'BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580',
    'BUG: scheduling while atomic: insmod/123/0x00000002',
    'BUG kmalloc-64 (Tainted: G           OE     ): Redzone overwritten',
    'BUG: MAX_LOCKDEP_ENTRIES too low!',
    'WARNING: possible circular locking dependency detected',
    'WARNING: possible irq lock inversion dependency detected',
    'WARNING: possible recursive locking detected',
    'WARNING: inconsistent lock state',
    'WARNING: suspicious RCU usage',
    'INFO: trying to register non-static key.',
    'turning off the locking correctness validator.',
    'DEBUG_LOCKS_WARN_ON(lock->magic != lock)',
    'list_add corruption. next->prev should be prev (ffff888), but was ffff889. (next=ffff88a).',
    'list_del corruption, ffff888->next is LIST_POISON1 (dead000000000100)',
    'list_add double add: new=ffff888, prev=ffff889, next=ffff888.',
    'ODEBUG: free active (active state 0) object type: timer_list hint: wake+0x0/0x10',
    'harness: the kernel log was overrun',
  ])('complains, at any level: %s', (text) => {
    expect(unexpected([[6, text]])).toEqual([text]);
  });

  it('has errors after boot, unless they are expected', () => {
    const lines: [number, string][] = [
      [3, 'ksplice: it failed'],
      [4, 'ksplice: a warning of low level'],
    ];
    expect(unexpected(lines)).toEqual(['ksplice: it failed']);
    expect(unexpected(lines, [/^ksplice: it/])).toEqual([]);
    const early = parseRecord('3,1,1000,-;no such device')!;
    expect(unexpectedRecords([early], 500_000, [])).toEqual([]);
  });

  it('lets the words of an ordinary load and taint pass', () => {
    expect(
      unexpected([
        [4, 'ksplice: loading out-of-tree module taints kernel.'],
        [5, 'ksplice: module verification failed: signature and/or required key missing'],
        [6, 'DEBUG_INFO: a longer word is not the complaint in it'],
      ]),
    ).toEqual([]);
  });
});

it('tells whether lockdep is still on', () => {
  // As the kernel's lockdep_stats_show() writes it.
  const stats = (value: number) =>
    ` hardirq-read-unsafe locks:                 12\n debug_locks:                  ${`${value}`.padStart(11)}\n\n`;
  expect(lockdepWatches(stats(1))).toBe(true);
  expect(lockdepWatches(stats(0))).toBe(false);
  expect(lockdepWatches('')).toBe(false);
});
