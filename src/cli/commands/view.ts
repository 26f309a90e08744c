import { listUpdates, type UpdateView, viewUpdate } from '../../apply/view.js';
import { Host } from '../../host/host.js';
import { trustLine } from '../../trust/trust.js';
import { fixLines, NO_FIXES } from '../../update/fixes.js';
import type { Update } from '../../update/update.js';
import { defineCommand, type Options, type Outcome } from '../command.js';
import {
  busyLines,
  functionLines,
  keptLines,
  layoutLines,
  pauseLine,
  waitingLines,
} from '../switch-report.js';
import { requireId } from '../update-id.js';

const positionals = {
  id: {
    type: 'string',
    conflicts: 'file',
    describe: 'Show the state and the source patch of this update; also --id',
  },
} as const satisfies Options;

const options = {
  file: {
    type: 'string',
    describe: 'Show the update in this file; it need not be applied',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'view [id]',
  describe: 'Show the updates in the running kernel, one of them, or a file',
  positionals,
  options,
  examples: [
    ['ksplice-ts view', 'list the updates in the running kernel'],
    ['sudo ksplice-ts view 8c4rnqv2', 'show all about one of them'],
    ['ksplice-ts view --file ksplice-8c4rnqv2.tar.gz', 'show the update in a file'],
  ],
  run: async (args) => {
    if (args.id !== undefined) return showOne(await viewUpdate(requireId(args.id), new Host()));
    if (args.file !== undefined) {
      const { readUpdate } = await import('../../update/read.js');
      return showFile(await readUpdate(args.file));
    }
    return showList();
  },
});

async function showList(): Promise<Outcome> {
  const updates = await listUpdates(new Host());
  const lines = updates.map(({ id, stage, waiting, on, description }) => {
    const awaits = waiting.length > 0 ? `, awaits ${waiting.join(', ')}` : '';
    const state = stage === 'applied' && awaits === '' ? '' : ` [${stage}${awaits}]`;
    const below = on.length > 0 ? ` (on ${on.join(', ')})` : '';
    return `${id}${state}${below}: ${firstLine(description ?? '(its description is not known here)')}`;
  });
  return {
    json: { updates },
    text: updates.length > 0 ? lines : ['No updates are applied.'],
  };
}

function showOne(view: UpdateView): Outcome {
  const { id, stage, abortCause, conflicts, match, functions, timing, patch, taint } = view;
  const text = [`Update ${id}: ${stage}`];
  if (view.note !== null) text.push(`  ${view.note}`);
  if (view.on.length > 0) text.push(`  on top of ${view.on.join(', ')}`);
  if (view.description) text.push(...indented(view.description.split('\n')));
  text.push(...indented(fixLines(view.fixes ?? NO_FIXES)));
  if (view.trust) text.push(`  ${trustLine(view.trust)}`);
  else if (view.created) text.push(`  made ${view.created}`);
  if (view.applied) text.push(`  applied ${view.applied}`);
  if (taint !== '') text.push(`  its modules taint the kernel: ${taint}`);
  if (abortCause !== null && abortCause !== 'ok') text.push(`  last refused: ${abortCause}`);
  for (const conflict of conflicts ?? []) {
    text.push(`  in use: ${conflict.task} (pid ${conflict.pid}) in ${conflict.function}`);
  }
  if (conflicts === null) text.push('  (only root can see which tasks or places were in the way)');
  text.push(...(match ?? []).map((line) => `  differs: ${line}`));
  text.push(...(functions ? functionLines(functions) : ['  (only root can see the functions)']));
  text.push(...waitingLines(view.waiting), ...busyLines(view.allowBusy));
  text.push(...layoutLines(view.allowLayout ?? []), ...keptLines(view.addressesOut ?? []));
  text.push(...pauseLine(timing));
  if (patch !== null) text.push('', patch.trimEnd());
  return { json: { ...view }, text };
}

function showFile(update: Update): Outcome {
  const { id, description, timestamp, kernel, apiVersion, contents, patch, report } = update;
  const { allowBusy, allowLayout, addressesOut, fixes } = update;
  const targets = contents.changes.map(({ target }) => target);
  return {
    json: {
      id,
      description,
      created: timestamp,
      kernel,
      apiVersion,
      targets,
      fixes,
      allowBusy,
      allowLayout,
      addressesOut,
      on: contents.on,
      modules: [...update.modules.values()].map(({ module, file }) => ({ module, file })),
      report: report ?? null,
      patch,
    },
    text: [
      `Update ${id} for Linux ${kernel.release} ${kernel.machine}`,
      ...indented(description.split('\n')),
      ...indented(fixLines(fixes)),
      `  made ${timestamp}`,
      `  changes ${targets.join(', ')}`,
      ...(contents.on.length > 0 ? [`  on top of ${contents.on.join(', ')}`] : []),
      ...busyLines(allowBusy),
      ...layoutLines(allowLayout),
      ...keptLines(addressesOut),
      '',
      patch.trimEnd(),
    ],
  };
}

/** No line of a description may look like one of ours. */
function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] as string;
}
