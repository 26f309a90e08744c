// `npm run soundness [-- KIND…]`: whether the tool does with each kind of change what the
// documents promise; on files, on the stock kernel's source, and in the running kernel.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testKernel } from '../kernels/kernel.js';
import { ROOT } from '../vm/ksplice.js';
import { Workshop } from '../vm/workshop.js';
import { patchOf, seeCreate } from './create.js';
import { soundnessDocument } from './document.js';
import { seeFixture } from './fixture.js';
import { useInGuest } from './guest.js';
import { type Kind, objection, verdictText } from './kind.js';
import { groups } from './kinds.js';

const DOCUMENT = join(ROOT, 'docs', 'soundness.md');

const words = process.argv.slice(2);
const kinds = groups
  .flatMap((group) => group.kinds)
  .filter(({ kind }) => words.length === 0 || words.some((word) => kind.includes(word)));
if (kinds.length === 0) throw new Error(`no kind has one of these words: ${words.join(', ')}`);

const kernel = await testKernel();
// That one does not fit this source is told at once, and not after minutes.
for (const { subject } of kinds) patchOf(subject, kernel);
const workshop = await Workshop.open(kernel, 'soundness');
const objections = new Map<Kind, string[]>(kinds.map((kind) => [kind, []]));

function tell(stage: string, kind: Kind, wrong: string | undefined): void {
  console.log(`${stage}: ${kind.kind}: ${wrong ?? 'as it should be'}`);
  if (wrong !== undefined) objections.get(kind)!.push(`${stage}: ${wrong}`);
}

const made: Kind[] = [];
for (const kind of kinds) {
  tell('fixture', kind, objection(kind, kind.fixture, await seeFixture(kind.fixture)));
  const seen = await seeCreate(kind, kernel, workshop);
  tell('create', kind, objection(kind, kind.subject, seen));
  if (seen.code === undefined && kind.verdict === 'made') made.push(kind);
}
// Every update that should be made is there.
if (made.length > 0) {
  await useInGuest(made, kernel, workshop, (kind, wrong) => tell('guest', kind, wrong));
}

// What is known to be wrong, and is.
const known = kinds.filter((kind) => kind.finding && objections.get(kind)!.length > 0);
for (const kind of kinds.filter(({ finding }) => finding).filter((one) => !known.includes(one))) {
  objections.get(kind)!.push('what was found is mended: take it out of the list');
}
const before = await readFile(DOCUMENT, 'utf8').catch(() => '');
await writeFile(DOCUMENT, soundnessDocument(groups, before, objections));
const wrong = kinds.filter((kind) => objections.get(kind)!.length > 0 && !known.includes(kind));
for (const kind of kinds) {
  const word = known.includes(kind) ? 'FOUND' : wrong.includes(kind) ? 'WRONG' : 'ok   ';
  console.log(`${word} ${kind.kind}: ${verdictText(kind.verdict)}`);
}
console.log(
  `${kinds.length} kinds, ${known.length} known not to be as they should, ${wrong.length} wrong`,
);
process.exitCode = wrong.length > 0 ? 1 : 0;
