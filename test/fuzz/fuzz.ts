// `npm run fuzz`: damages real kernel objects and looks what the differ makes of
// them. A pair that it cannot stand is left in .work/fuzz.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import yargs from 'yargs';
import { objectPairs } from '../corpus/pairs.js';
import { fuzzPair, type Outcomes, random } from './damage.js';

const options = await yargs(process.argv.slice(2))
  .scriptName('npm run fuzz --')
  .option('pairs', { type: 'string', describe: 'List of object pairs that a corpus run wrote' })
  .option('cases', { type: 'number', default: 20_000, describe: 'Damaged pairs in all' })
  .option('seed', { type: 'number', default: 1, describe: 'What the damage follows from' })
  .strict()
  .parseAsync();

const pairs = await objectPairs(options.pairs);
const pick = random(options.seed);
const each = Math.ceil(options.cases / pairs.length);
const folder = join(process.cwd(), '.work', 'fuzz');
const total = new Map<string, number>();
let slowest = 0;
for (const [index, { object, pre, post }] of pairs.entries()) {
  const outcomes = fuzzOne(object, readFileSync(pre), readFileSync(post));
  for (const [outcome, count] of outcomes.counts) {
    total.set(outcome, (total.get(outcome) ?? 0) + count);
  }
  slowest = Math.max(slowest, outcomes.slowest);
  if (process.stderr.isTTY) {
    process.stderr.write(`\r${index + 1}/${pairs.length} ${object.padEnd(60)}`);
  }
}
if (process.stderr.isTTY) process.stderr.write('\n');
const counts = [...total].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
console.log(
  `${each * pairs.length} cases of ${pairs.length} pairs, seed ${options.seed}: ${counts}`,
);
console.log(`the slowest took ${slowest.toFixed(0)} ms; nothing was thrown that is not a refusal`);

function fuzzOne(object: string, pre: Buffer, post: Buffer): Outcomes {
  return fuzzPair(pre, post, each, pick, (damagedPre, damagedPost) => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'pre.o'), damagedPre);
    writeFileSync(join(folder, 'post.o'), damagedPost);
    console.error(`\n${object}: the pair is in ${folder}`);
  });
}
