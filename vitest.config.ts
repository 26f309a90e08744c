import { defineConfig } from 'vitest/config';
import { testKernel } from './test/kernels/kernel.js';

// Unit tests need no kernel.
const kernel = await testKernel().catch(() => undefined);
const vmTimeout = 900_000 * (kernel?.guest?.patience ?? 1);

// Two projects: `unit` works on files and needs a compiler; `vm` boots stock
// kernels, one at a time, and needs what test/run.sh installs.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/vm/**', 'test/real/**'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          poolOptions: { forks: { singleFork: true } },
        },
      },
      {
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          // Random, and long: npm run test:long has it.
          exclude: process.env.KSPLICE_TEST_LONG ? [] : ['test/vm/chaos.test.ts'],
          testTimeout: vmTimeout,
          hookTimeout: vmTimeout,
          poolOptions: { forks: { singleFork: true } },
        },
      },
    ],
  },
});
