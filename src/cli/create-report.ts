// What create prints about an update that it has made.

import type { CreatedUpdate } from '../create/pipeline.js';
import type { CreatedSet } from '../create/set/create-set.js';
import type { KernelResult } from '../create/set/files.js';
import type { ObjectReport, Report } from '../create/values.js';
import type { LayoutVerdict } from '../layout/guard.js';
import { addressInWords } from '../update/addresses-out.js';
import { fixLines, joinFixes } from '../update/fixes.js';

/** What was made, for people. */
export function describeUpdate({ id, file, fixes, proof, report }: CreatedUpdate): string[] {
  return [
    ...report.objects.flatMap(objectLines),
    ...(report.on.length > 0 ? [`On top of ${report.on.join(', ')}: apply that first.`] : []),
    ...proofLines(proof),
    ...layoutLines(report.layout),
    ...undoLines(report),
    ...fixLines(fixes).map((line) => `The update ${line}.`),
    `Update ${id} is in ${file}`,
  ];
}

/** What became of each kernel. */
export function describeSet({ id, directory, kernels }: CreatedSet): string[] {
  const of = (wanted: KernelResult['outcome']) =>
    kernels.filter(({ outcome }) => outcome === wanted);
  const list = (what: string, found: readonly KernelResult[]) =>
    found.length === 0 ? [] : [`${what}:`, ...found.map(kernelLine)];
  return [
    ...list('Updates were made for', of('made')),
    ...list('Nothing is needed for', of('not-needed')),
    ...list('Refused for', of('refused')),
    ...fixLines(joinFixes(kernels.flatMap(({ update }) => update?.fixes ?? []))).map(
      (line) => `The set ${line}.`,
    ),
    `Set ${id} is in ${directory}`,
  ];
}

function kernelLine({ confdir, release, buildId, update, error }: KernelResult): string {
  const kernel = release === null ? confdir : `${release} (${confdir})`;
  const build = buildId === null ? '' : `, build ${buildId.slice(0, 12)}`;
  return `  ${kernel}${build}: ${update ? `update ${update.id}` : error?.message}`;
}

function proofLines(proof: CreatedUpdate['proof']): string[] {
  if (!proof) {
    return [
      'Not proved: there is no file with the running code. The running kernel is compared when the update is applied.',
    ];
  }
  const sum = (field: 'functions' | 'bytes' | 'resolved') =>
    proof.targets.reduce((total, target) => total + target[field], 0);
  return [
    `Old code: as in ${proof.kernel}: ${sum('functions')} functions, ${sum('bytes')} bytes compared.`,
    `Symbols: ${sum('resolved')} of the new code were found at the addresses that the running code uses.`,
  ];
}

/** What undo will leave. */
function undoLines({ addressesOut }: Report): string[] {
  if (addressesOut.length === 0) return [];
  return [
    'Undo: the new code stays loaded until the next boot, because others get addresses in it:',
    ...addressesOut.map((one) => `  ${addressInWords(one)}`),
  ];
}

/** What is known of the types of data. */
function layoutLines({ comparing, changes }: Report['layout']): string[] {
  switch (comparing) {
    case 'not touched':
      return ['Layout of data: the patch changes only statements, and so no type.'];
    case 'not possible':
      return ['Layout of data: not compared.'];
    default: {
      const told = changes.map(({ name, verdict }) => `  ${name}: ${VERDICTS[verdict]}`);
      const head = 'Layout of data: the types of the objects were compared';
      return told.length === 0
        ? [`${head}, and none changes.`]
        : [`${head}; these change:`, ...told];
    }
  }
}

const VERDICTS: Readonly<Record<LayoutVerdict, string>> = {
  fits: 'existing objects fit the new code; see the notes',
  'on stacks': 'only on stacks of functions that are replaced',
  allowed: 'existing objects do not fit; allowed with --allow-layout',
  refused: 'refused',
};

function objectLines({ target, object, changed, added, removed, addedData }: ObjectReport) {
  const list = (what: string, names: readonly string[]) =>
    names.length > 0 ? [`  ${what}: ${names.join(', ')}`] : [];
  return [
    `${object} (${target})`,
    ...changed.map(({ name, oldSize, newSize }) => `  ${name}: ${oldSize} -> ${newSize} bytes`),
    ...list('new functions', added),
    ...list('functions no longer there', removed),
    ...list('new data', addedData),
  ];
}
