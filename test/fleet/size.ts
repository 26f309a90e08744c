// What a rollout costs the controller: npx tsx test/fleet/size.ts HOSTS [FORKS]
// Every 33rd host refuses the update, which is allowed (3 %). Prints one JSON object. The seconds by the
// clock are those of the machine as it is; processor seconds hardly depend on what else it does.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { Fleet } from './fleet.js';

const [hosts = 1000, forks = 50] = process.argv.slice(2).map(Number);
const name = (index: number) => `host${String(index).padStart(5, '0')}`;
const refuses = (index: number) => index % 33 === 32;
const fleet = new Fleet(
  Object.fromEntries(
    Array.from({ length: hosts }, (_, index) => [
      name(index),
      refuses(index) ? { apply: 'refused' as const } : {},
    ]),
  ),
);
const began = Date.now();
const running = fleet.rollout(
  ...[
    '-f',
    String(forks),
    '-e',
    'ksplice_max_fail=10',
    '-e',
    '{"ksplice_waves": ["5%", "25%", "100%"]}',
  ],
);
const peak = { playbookMiB: 0, allMiB: 0 };
const timer = setInterval(() => {
  peak.playbookMiB = Math.max(peak.playbookMiB, memory(running.pid, 'status', 'VmHWM'));
  const all = ofGroup(running.pid).map((pid) => memory(pid, 'smaps_rollup', 'Pss'));
  peak.allMiB = Math.max(
    peak.allMiB,
    all.reduce((sum, one) => sum + one, 0),
  );
}, 3000);
const { code, output } = await running.done;
clearInterval(timer);
const seconds = (Date.now() - began) / 1000;
const verdict = /(?:Went through|Stopped)[^"]*/.exec(output)?.[0];
const [written, jsonMiB] = [fleet.report(), statSync(fleet.reportFile('json')).size / 2 ** 20];
const states = Object.values(written).map(({ state }) => state);
const failed = Object.entries(written).find(([, { state }]) => state === 'failed');
console.log(
  JSON.stringify(
    {
      ...{ hosts, forks, seconds, processorSeconds: processorSeconds(), ...peak, jsonMiB },
      ...{ code, verdict, failed: states.filter((state) => state === 'failed').length },
      first: failed,
    },
    undefined,
    1,
  ),
);
fleet.remove();

/** MiB, as the kernel says in /proc/PID/FILE; 0 if the process has just ended. */
function memory(pid: number, file: string, field: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
    const [, kib = '0'] = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text) ?? [];
    return Number(kib) / 1024;
  } catch {
    return 0;
  }
}

/** The processes of a group. */
function ofGroup(group: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => Number(fields(pid)[2]) === group);
}

/** Of /proc/PID/stat, from the state on (proc(5), the third field). */
function fields(pid: number | 'self'): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** Of all that this process has started, and that has ended: in user space and in the kernel. */
function processorSeconds(): number {
  const [user, system] = fields('self').slice(13, 15).map(Number) as [number, number];
  return (user + system) / 100;
}
