// `npm run chaos`

import { testKernel } from '../../kernels/kernel.js';
import { chaos } from './chaos.js';
import { prepare } from './prepare.js';

const kernel = await testKernel();
const folder = await prepare(kernel);
const seed = Number(process.argv[2] ?? 1);
const minutes = Number(process.argv[3] ?? 2);
console.log(await chaos(kernel, { folder, seed, minutes, append: process.argv.slice(4) }));
