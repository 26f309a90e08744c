// `npm run bench -- differ`: the differ on all object pairs of a corpus run, in one
// process. What is timed is what `create` does with a pair: read both files, diff
// them, and resolve the relocations of what is kept.

import { readFileSync } from 'node:fs';
import { diffObjects } from '../../src/diff/index.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { type ObjectPair, objectPairs } from '../corpus/pairs.js';

/** What kpatch's differ, written in C, takes for a pair, stripping of debug information included: docs/design.md. */
const GOAL_MS = 17;

/** Prints milliseconds a pair and the peak memory. */
export async function benchDiffer(list?: string): Promise<void> {
  const pairs = await objectPairs(list);
  const before = process.resourceUsage().maxRSS;
  let bytes = 0;
  for (const round of ['first', 'again']) {
    const cpu = process.cpuUsage();
    const times: number[] = [];
    const verdicts = new Map<string, number>();
    bytes = 0;
    for (const pair of pairs) {
      const began = performance.now();
      const { verdict, size } = diffPair(pair);
      times.push(performance.now() - began);
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      bytes += size;
    }
    const { user, system } = process.cpuUsage(cpu);
    times.sort((a, b) => a - b);
    const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
    const goal = mean <= GOAL_MS ? 'reached' : 'MISSED';
    console.log(
      `${round}: ${mean.toFixed(1)} ms a pair (goal ${GOAL_MS}: ${goal}), median ${at(times, 0.5)}, 90 % below ${at(times, 0.9)}, ` +
        `longest ${at(times, 1)}; CPU ${((user + system) / 1000 / times.length).toFixed(1)} ms a pair`,
    );
    if (round === 'first') {
      console.log([...verdicts].map(([verdict, count]) => `  ${count} ${verdict}`).join(','));
    }
  }
  const peak = process.resourceUsage().maxRSS;
  console.log(
    `${pairs.length} pairs, ${(bytes / pairs.length / 2 / 1e6).toFixed(2)} MB an object on average`,
  );
  console.log(
    `peak memory ${(peak / 1024).toFixed(0)} MB, of which ${(before / 1024).toFixed(0)} MB before the first pair`,
  );
}

function diffPair({ object, pre, post }: ObjectPair): { verdict: string; size: number } {
  const files = [readFileSync(pre), readFileSync(post)] as const;
  const objects = [new ElfObject(files[0], pre), new ElfObject(files[1], post)] as const;
  const diff = diffObjects(...objects, object, inferTableSizes(objects));
  for (const section of diff.kept) diff.relocations(section);
  return { verdict: diff.verdict, size: files[0].length + files[1].length };
}

function at(sorted: readonly number[], share: number): string {
  const index = Math.min(sorted.length - 1, Math.floor(share * sorted.length));
  return `${(sorted[index] ?? 0).toFixed(1)} ms`;
}
