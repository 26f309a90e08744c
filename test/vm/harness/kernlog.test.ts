import { describe, expect, it } from 'vitest';
import { parseRecord, unexpectedRecords } from './kernlog.js';

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
