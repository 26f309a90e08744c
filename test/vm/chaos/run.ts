// `npm run chaos`: one row of docs/chaos.md. The kernel is the one of the release, or the one
// that test/run.sh has found for --kernel.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import yargs from 'yargs';
import { testKernel } from '../../kernels/kernel.js';
import { ROOT } from '../ksplice.js';
import { type Chaos, chaos, Finding } from './chaos.js';
import { chaosDocument, type Row } from './document.js';
import { prepare } from './prepare.js';

const DOCUMENT = join(ROOT, 'docs', 'chaos.md');

const options = await yargs(process.argv.slice(2))
  .scriptName('npm run chaos --')
  .option('minutes', { type: 'number', default: 10, describe: 'In the guest' })
  .option('seed', { type: 'number', describe: 'What all actions follow from; another each time' })
  .option('append', {
    type: 'string',
    default: '',
    describe: "Words for the kernel's command line",
  })
  .option('kernel', { type: 'string', default: 'stock', describe: 'As of npm run test:kernels' })
  .strict()
  .parseAsync();

const { minutes, append, kernel: name } = options;
const seed = options.seed ?? Date.now() % 1_000_000;
console.log(
  `chaos for ${minutes} minutes, seed ${seed}: the same actions again with --seed ${seed}`,
);
const kernel = await testKernel();
const folder = await prepare(kernel);
let result: Chaos | undefined;
let finding = 'none';
try {
  const words = append.split(' ').filter(Boolean);
  result = await chaos(kernel, { folder, seed, minutes, append: words });
  if (result.growth.length > 0) finding = `memory grows: ${result.growth.join('; ')}`;
} catch (error) {
  if (!(error instanceof Finding)) throw error;
  const { message, counted } = error;
  result = counted;
  console.log(message);
  finding = firstSentence(message);
}
const row: Row = {
  kernel: name,
  release: kernel.release,
  append,
  seed,
  minutes,
  actions: result?.actions,
  switches: result?.switches,
  finding,
};
await writeFile(DOCUMENT, chaosDocument(await readFile(DOCUMENT, 'utf8').catch(() => ''), row));
console.log(`${row.actions ?? '?'} actions, ${row.switches ?? '?'} switches`);
console.log(
  finding === 'none'
    ? 'code and stages agree, and the log is clean'
    : `FOUND, seed ${seed}: ${finding}`,
);
process.exitCode = finding === 'none' ? 0 : 1;

/** Of an error: what the kernel said first, if it said something, or else what the driver did. */
function firstSentence(message: string): string {
  const complaint = /(?:console\||unexpected in the kernel log.*\n) *(?:\[[^\]]*\] *)?(.*)/.exec(
    message,
  );
  const wrong = /WRONG: .*/.exec(message);
  return (wrong?.[0] ?? complaint?.[1] ?? message.split('\n')[0]!).slice(0, 200);
}
