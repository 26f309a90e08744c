import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { testKernel } from './test/kernels/kernel.js';

// Unit tests need no kernel.
const kernel = await testKernel().catch(() => undefined);
const vmTimeout = 900_000 * (kernel?.guest?.patience ?? 1);

/** Random, and long: npm run test:long has it. */
const chaos = process.env.KSPLICE_TEST_LONG ? [] : ['test/vm/chaos.test.ts'];
/** What `npm test` leaves to `npm run test:long` (test/setup/parts.sh). */
const left = (process.env.KSPLICE_TEST_WITHOUT ?? '').split(' ').filter(Boolean);

/** An emulated guest and its compiler have a gigabyte and a core. */
const MOST_FORKS = 4;

// Three projects: `unit` works on files and needs a compiler; `real` works on a stock kernel's
// package and source, and `vm` boots it: they need what test/run.sh installs. Each file has a
// process, one for each core: those of several projects wait in one queue.
export default defineConfig({
  test: {
    poolOptions: { forks: { maxForks: Math.min(availableParallelism(), MOST_FORKS) } },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/vm/**', 'test/real/**', 'test/fleet/**'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          // The real Ansible, on hosts that do not exist.
          name: 'fleet',
          include: ['test/fleet/**/*.test.ts'],
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          exclude: left,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          exclude: [...chaos, ...left],
          testTimeout: vmTimeout,
          hookTimeout: vmTimeout,
        },
      },
    ],
  },
});
