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

One boot of the stock kernel with two CPUs. Updates of seven kinds (a jump, a function without an entry of ftrace's, one with a jump label, a table written in
place, two targets at once with the kernel proper, a function that is always busy, a hundred functions) are applied and undone in turn, each asked before and after
which code it runs. Meanwhile processes come and go, files are written and synced, a TCP connection is in use, a task sleeps in a replaced function, and the function
tracers are switched on and off at random moments. At the end the kernel log must be clean, and the kernel must hold no more memory than after the first rotation: half an
object of one caller of \`kmalloc()\` in each rotation (the kernel notes who allocates what: \`slub_debug=U\`), or half a page a cycle, would be a failure. Made by \`npm run soak\`:

\`\`\`
${told}\`\`\`
`;
if (cycles >= 1000 && faults.length === 0) {
  await writeFile(fileURLToPath(new URL('../../../docs/soak.md', import.meta.url)), about);
}
