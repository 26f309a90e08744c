// `npm run soak -- --cycles N`: the soak at length, 1,000 cycles by default.

import { testKernel } from '../../kernels/kernel.js';
import { type Allocated, growth, soak } from './soak.js';

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
  [...slab.values()].reduce((sum, { objects }) => sum + objects, 0);
console.log(`${cycles} cycles in ${minutes} minutes; the kernel log is clean`);
console.log(`  ${bytesStreamed} bytes over a connection that stayed open, all right`);
console.log(`  over the last ${between} cycles:`);
console.log(`    kmalloc  ${count(warm)} -> ${count(end)} objects`);
console.log(`    vmalloc  ${warm.vmalloc} -> ${end.vmalloc} bytes`);
const grown = growth(result);
for (const sentence of grown) console.log(`MEMORY GROWS: ${sentence}`);
process.exitCode = grown.length > 0 ? 1 : 0;
