// What a rollout costs the controller: npx tsx test/fleet/size.ts HOSTS [FORKS]
// Every 33rd host refuses the update, which is allowed (3 %). Prints one JSON object.

import { readFileSync } from 'node:fs';
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
let peakMiB = 0;
const timer = setInterval(() => {
  try {
    const [, kib = '0'] =
      /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${running.pid}/status`, 'utf8')) ?? [];
    peakMiB = Math.max(peakMiB, Number(kib) / 1024);
  } catch {
    // It has just ended.
  }
}, 500);
const { code, output } = await running.done;
clearInterval(timer);
const seconds = (Date.now() - began) / 1000;
const verdict = /(?:Went through|Stopped)[^"]*/.exec(output)?.[0];
console.log(
  JSON.stringify({ hosts, forks, seconds, secondsEach: seconds / hosts, peakMiB, code, verdict }),
);
fleet.remove();
