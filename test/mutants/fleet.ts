// What is taken out of status, of sets, and of what an update fixes.

import { type Mutant, mutantsIn } from './mutant.js';

const tool = mutantsIn('', '');

export const fleetMutants: readonly Mutant[] = [
  tool(
    'the rule that a diff names no fixes',
    'create/change/find-fixes.ts',
    '[old, now] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];',
    '',
    'create/change/find-fixes.test.ts',
  ),
  tool(
    "the comparison of a set's index with its checksum",
    'update/choose.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
    "if (!sums.split('\\n').includes(`${sum}  ${INDEX}`)) {",
    'if (sums === sum) {',
    'update/choose.test.ts',
  ),
  tool(
    'the comparison of an archive with the digest in its set',
    'update/read.ts',
    'if (sha256 === undefined || ',
    'if (data.length > 0 || ',
    'update/choose.test.ts',
  ),
  tool(
    "the comparison of a set's index with the update that it names",
    'update/choose.ts',
    'if (differing.length === 0) return found;',
    'return found;',
    'update/choose.test.ts',
  ),
  tool(
    'the refusal of an index that names a kernel twice',
    'update/set.ts',
    'return new Set(builds).size === builds.length ? index : undefined;',
    'return index;',
    'update/choose.test.ts',
  ),
  tool(
    'the exactness with which a source must have a patch already',
    'create/change/already-applied.ts',
    '{ ...fit, fuzz: 0 }',
    'fit',
    'create/set.test.ts',
  ),
  tool(
    'the look at complaints in the kernel log, by status',
    'status/health.ts',
    'const found = complaintsIn(log);',
    'const found = complaintsIn([]);',
    'status/status.test.ts',
  ),
  tool(
    'the start of that look at the first update',
    'status/health.ts',
    'filter(({ sequence }) => sequence >= from)',
    'filter(({ sequence }) => sequence >= 0)',
    'status/status.test.ts',
  ),
  tool(
    'the distrust of what programs write to the kernel log',
    'host/complaints.ts',
    'records.filter(({ fromKernel }) => fromKernel)',
    'records.filter(({ text }) => text)',
    'status/status.test.ts',
  ),
  tool(
    'the look at stages that were left, by status',
    'status/health.ts',
    "case 'preparing':",
    "case 'applied':",
    'status/status.test.ts',
  ),
  tool(
    'the comparison of the kernel with what is remembered, by status',
    'status/health.ts',
    'return [...lost, ...unknown, ...missed];',
    'return [];',
    'status/status.test.ts',
  ),
];
