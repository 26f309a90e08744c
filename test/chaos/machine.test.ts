// What the guest's scripts of chaos do of which the kernel itself would die.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

const SCRIPT = resolve(import.meta.dirname, '../vm/chaos/machine.sh');

const bash = async (text: string) => {
  const work = mkdtempSync(join(tmpdir(), 'ksplice-chaos-'));
  try {
    const script = `set -uo pipefail; work=${work}; . ${SCRIPT}; ${text}`;
    return (await execa('bash', ['-c', script])).stdout;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

describe('tasks are throttled', () => {
  it.each([
    ['6.1.0-57-amd64', '#1 SMP PREEMPT_DYNAMIC Debian', 'yes'],
    ['6.1.0-53-rt-amd64', '#1 SMP PREEMPT_RT Debian', 'no'],
    ['6.17.1-rt', '#1 SMP PREEMPT_RT', 'no'],
    ['6.18-rc1', '#1 SMP PREEMPT_RT', 'yes'],
    ['7.0', '#1 SMP PREEMPT_RT', 'yes'],
  ])('on %s, %s: %s', async (release, version, expected) => {
    const uname = `uname() { case $1 in -r) echo '${release}' ;; -v) echo '${version}' ;; esac; }`;
    expect(await bash(`${uname}; may_throttle && echo yes || echo no`)).toBe(expected);
  });
});

describe('what must be alone', () => {
  it('does not run at once in two lanes', async () => {
    const step = 'step() { echo "$1 begins"; sleep 0.3; echo "$1 ends"; }';
    const lines = (await bash(`${step}; (alone step a) & (alone step b) & wait`)).split('\n');
    const [first, second] = lines[0]?.startsWith('a') ? ['a', 'b'] : ['b', 'a'];
    const steps = [first, second].flatMap((name) => [`${name} begins`, `${name} ends`]);
    expect(lines).toEqual(steps);
  });

  it('keeps its status', async () => {
    expect(await bash('alone false; echo $?; alone true; echo $?')).toBe('1\n0');
  });

  it('are a CPU that goes and the threads of pktgen that begin, and no other module', async () => {
    const names = 'alone() { echo "alone: $*"; }; modprobe() { echo "modprobe $1"; }; nap() { :; }';
    const calls = 'do_modules module pktgen in; do_modules module sctp in; cpu_off() { :; }';
    expect(await bash(`${names}; ${calls}`)).toBe('alone: modprobe pktgen\nmodprobe sctp');
  });
});
