// Faults at each step, and what they leave. `npm run faults` injects every one that there
// is (KSPLICE_WRITE_FAULTS=1) and writes docs/faults.md, a table of them; otherwise each that
// is injected must end as it did there: some in `npm test`, all in `npm run test:long`.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { readUpdate } from '../../../src/update/read.js';
import { testKernel } from '../../kernels/kernel.js';
import { LONG } from '../../support/long.js';
import { withGuest } from '../harness/index.js';
import { alteredUpdate, exampleUpdate, ROOT, toolLine } from '../ksplice.js';
import { FAULTS, ID, prepare, SHORT_RUN } from './faults.js';
import { judge, type Verdict } from './judge.js';
import { buildFailingCore, starve } from './memory.js';
import { faultRow, faultsDocument, memoryRow } from './table.js';

const HOUR = 3_600_000;
const ALL = process.env.KSPLICE_WRITE_FAULTS !== undefined;
/** All there are, or some. */
const INJECTED = ALL || LONG ? FAULTS : SHORT_RUN;
const DOCUMENT = join(ROOT, 'docs', 'faults.md');

let archive: string;
let starving: string;

beforeAll(async () => {
  const kernel = await testKernel();
  ({ file: archive } = await exampleUpdate(kernel, 'sctp', ID));
  const core = await buildFailingCore(kernel, join(ROOT, '.work', 'failing-core'));
  starving = await alteredUpdate(
    await readUpdate(archive),
    archive,
    'starving',
    'ksplice.ko',
    core,
  );
});

it('leaves the kernel as before or updated after every fault', { timeout: HOUR }, async () => {
  await withGuest({ name: 'faults', timeoutMs: HOUR }, async (guest) => {
    await prepare(guest);
    const verdicts: Verdict[] = [];
    const known = ALL ? undefined : await readFile(DOCUMENT, 'utf8');
    const failures: string[] = [];
    for (const fault of INJECTED) {
      const { during, step, fault: what } = fault;
      try {
        const verdict = await judge(guest, archive, fault);
        const row = faultRow(verdict);
        process.stdout.write(row);
        if (known?.includes(row) === false) throw new Error(`not as in ${DOCUMENT}: ${row}`);
        verdicts.push(verdict);
      } catch (error) {
        failures.push(`${during}, ${step}, ${what}: ${(error as Error).message}`);
        console.log(failures.at(-1));
        await guest.run(toolLine(`undo ${ID}`), { timeoutMs: 600_000 });
      }
    }
    expect(failures).toEqual([]);
    const memory = await starve(guest, starving);
    expect(memory.map(({ ended }) => ended)).toContain('`aborted` (`out_of_memory`)');
    if (known !== undefined) {
      expect(memory.map(memoryRow).filter((row) => !known.includes(row))).toEqual([]);
    }
    if (ALL) await writeFile(DOCUMENT, faultsDocument(verdicts, memory));
  });
});
