// `npm run soak -- --cycles N`: the soak at length, 1,000 cycles by default. If there are as
// many, docs/soak.md is what it told.

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { testKernel } from '../../kernels/kernel.js';
import { type Allocated, grown } from './allocated.js';
import { growth, soak } from './soak.js';

const [option, number = '1000'] = process.argv.slice(2);
if ((option !== undefined && option !== '--cycles') || !/^[1-9]\d*$/.test(number)) {
  console.error('usage: npm run soak -- [--cycles N]');
  process.exit(2);
}
const began = Date.now();
let last = 0;
const result = await soak(await testKernel(), Number(number), (cycle) => {
  if (cycle > last) console.log(`${cycle} cycles`);
  last = cycle;
});
const minutes = ((Date.now() - began) / 60_000).toFixed(0);
const { cycles, warm, end, between, bytesStreamed } = result;
const count = ({ slab }: Allocated) =>
  [...slab.values()].reduce((sum, objects) => sum + objects, 0);
const most = grown(warm, end)
  .slice(0, 10)
  .map(({ name, more }) => `      ${name} +${more}\n`)
  .join('');
const told = `${cycles} cycles in ${minutes} minutes; the kernel log is clean
  ${bytesStreamed} bytes over a connection that stayed open, all right
  over the last ${between} cycles:
    kmalloc  ${count(warm)} -> ${count(end)} objects; who has more of them, the most first:
${most}    vmalloc  ${warm.vmalloc} -> ${end.vmalloc} bytes
`;
process.stdout.write(told);
const faults = growth(result);
for (const sentence of faults) console.log(`MEMORY GROWS: ${sentence}`);
process.exitCode = faults.length > 0 ? 1 : 0;

const about = `# The soak

*For people who change the code.*

\`npm run soak\` boots the stock kernel once, with two CPUs. It applies and undoes updates of seven kinds in turn (a jump, a function without an ftrace entry, a function with a jump label, a table written in
place, two targets at once with the kernel proper, a function that is always busy, a hundred functions). Before and after each step the test asks the functions
which code they are. Meanwhile processes come and go, files are written and synced, a TCP connection is in use, a task sleeps in a replaced function, and the function
tracers are switched on and off at random moments. At the end the kernel log must be clean, and the kernel must hold no more memory than after the first rotation. Half an
object of one caller of \`kmalloc()\` in each rotation (the kernel records the caller of each allocation: \`slub_debug=U\`), or half a page in each cycle, is a failure. The last run:

\`\`\`
${told}\`\`\`
`;
if (cycles >= 1000 && faults.length === 0) {
  await writeFile(fileURLToPath(new URL('../../../docs/soak.md', import.meta.url)), about);
}
