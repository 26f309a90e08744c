// Adds up what test/support/spent.ts has noted: where the time of a test run went.
//
// usage: times.mjs FILE [SECONDS]   all that the run took

import { existsSync, readFileSync } from 'node:fs';

const [file, seconds] = process.argv.slice(2);
const sums = new Map();
const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
for (const line of lines.filter(Boolean)) {
  const { what, seconds, cpu } = JSON.parse(line);
  const sum = sums.get(what) ?? { count: 0, seconds: 0, cpu: 0 };
  sums.set(what, { count: sum.count + 1, seconds: sum.seconds + seconds, cpu: sum.cpu + cpu });
}
const rows = [...sums].sort(([, a], [, b]) => b.cpu - a.cpu);
const line = (...cells) =>
  cells.map((cell, i) => `${cell}`[i ? 'padStart' : 'padEnd'](i ? 9 : 26)).join(' ');
console.log(line('where the time went', 'times', 'seconds', 'of CPU'));
for (const [what, { count, seconds, cpu }] of rows) {
  console.log(line(what, count, seconds.toFixed(0), cpu.toFixed(0)));
}
if (seconds !== undefined) console.log(`in all ${Math.round(seconds / 6) / 10} minutes`);
