// inspect: what an update would do, for a person who decides whether to apply it.

import { KspliceError } from '../../base/errors.js';
import type { ResultLine } from '../../base/ui.js';
import { partsNamed } from '../../inspect/changed-parts.js';
import { type Inspection, inspectUpdate, type TargetInspection } from '../../inspect/inspection.js';
import { inspectionJson, listingJson } from '../../inspect/json.js';
import { type Listing, listParts } from '../../inspect/listing.js';
import { inspectionPage } from '../../inspect/page.js';
import { listingLines, overviewLines, patchLines } from '../../inspect/terminal.js';
import { readUpdate } from '../../update/read.js';
import { defineCommand, type Options, type Outcome, type Values } from '../command.js';
import { writeOutputFile } from '../output-file.js';
import { updateArgument } from '../update-argument.js';

const positionals = {
  update: updateArgument,
} as const satisfies Options;

const options = {
  function: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Show the old and the new code of NAME, side by side',
  },
  full: { type: 'boolean', describe: 'Show equal lines of the code as well' },
  patch: { type: 'boolean', describe: 'Show the source patch' },
  html: {
    type: 'string',
    requiresArg: true,
    describe: 'Write everything, all code included, to FILE as one page',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'inspect <update>',
  describe: 'Show what an update would do',
  positionals,
  options,
  examples: [
    [
      'ksplice-ts inspect ksplice-8c4rnqv2.tar.gz',
      'show the functions, tables and symbols of an update',
    ],
    [
      'ksplice-ts inspect ksplice-8c4rnqv2.tar.gz --function tcp_v4_rcv',
      'show the old and the new code of a function',
    ],
    ['ksplice-ts inspect ksplice-8c4rnqv2.tar.gz --html review.html', 'write a page for reviewers'],
  ],
  run: async (args, ui) => {
    ui.stage('reading the update');
    const inspection = inspectUpdate(await readUpdate(args.update));
    const chosen = (args.function ?? []).map((name) => choose(inspection, name));
    if (args.html !== undefined) {
      await writeOutputFile(args.html, inspectionPage(inspection), '--html');
    }
    return outcome(inspection, chosen.flat(), args);
  },
});

interface Chosen {
  readonly target: TargetInspection;
  readonly listings: readonly Listing[];
}

function choose(inspection: Inspection, name: string): Chosen[] {
  const chosen = inspection.targets
    .map((target) => ({ target, parts: partsNamed(target.parts, name) }))
    .filter(({ parts }) => parts.length > 0);
  if (chosen.length === 0) {
    const names = inspection.targets.flatMap(({ parts }) => parts.map((part) => part.name));
    const list = [...new Set(names)];
    throw new KspliceError('usage', `update ${inspection.id} does not change ${name}`, {
      advice: `It changes ${list.join(', ')}.`,
      details: { names: list },
    });
  }
  return chosen.map(({ target, parts }) => ({ target, listings: listParts(target, parts) }));
}

function outcome(
  inspection: Inspection,
  chosen: readonly Chosen[],
  { html, full, patch }: Values<typeof options>,
): Outcome {
  const context = full ? Number.POSITIVE_INFINITY : 3;
  const code = chosen.map(({ listings }) => listingLines(listings, { context }));
  const sections: (readonly ResultLine[])[] = [...code];
  if (patch) sections.push(patchLines(inspection.patch));
  if (html !== undefined) sections.push([`The page is in ${html}`]);
  // Who asks for a part of it wants that part.
  if (sections.length === 0) sections.push(overviewLines(inspection));
  const functions = chosen.flatMap(({ target, listings }) =>
    listings.map((listing) => listingJson(target.target, listing)),
  );
  return {
    json: { ...inspectionJson(inspection), functions, ...(html === undefined ? {} : { html }) },
    text: sections.flatMap((lines, index) => (index > 0 ? ['', ...lines] : lines)),
  };
}
