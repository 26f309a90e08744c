import type { Applied } from '../../apply/applied.js';
import { applyUpdate } from '../../apply/apply.js';
import { Host } from '../../host/host.js';
import { lateHelper, requireOwnTool, requireSeenByKernel } from '../../install/own-program.js';
import { type Trust, trustLine } from '../../trust/trust.js';
import { trusting } from '../../trust/trusted.js';
import { chooseUpdate } from '../../update/choose.js';
import { defineCommand, type Options } from '../command.js';
import { nothingNeeded, setArgument, thisKernel } from '../from-set.js';
import {
  allowBusyOption,
  busyLines,
  functionLines,
  pauseLine,
  readNames,
  timeoutOption,
  waitingLines,
} from '../switch-report.js';
import { readWatchOptions, watchOptions } from '../watch-options.js';
import { applyWatched } from '../watched-apply.js';

const positionals = {
  update: setArgument,
} as const satisfies Options;

const options = {
  timeout: timeoutOption,
  'allow-busy': allowBusyOption,
  'dry-run': {
    type: 'boolean',
    describe: 'Do everything except the switch: load, compare, check all stacks, unload',
  },
  replace: {
    type: 'boolean',
    describe:
      'Take the place of the applied updates that this one supersedes (of all, if it names none), in one stop',
  },
  partial: {
    type: 'boolean',
    describe:
      'Apply the update to the loaded targets now, and to each other module when it is loaded',
  },
  ...watchOptions,
} as const satisfies Options;

export const command = defineCommand({
  usage: 'apply <update>',
  describe: 'Hot-patch the running kernel with an update',
  positionals,
  options,
  examples: [
    ['sudo ksplice-ts apply ksplice-8c4rnqv2.tar.gz', 'apply an update'],
    [
      'sudo ksplice-ts apply ksplice-set-8c4rnqv2',
      'apply the update of a set that is for this kernel',
    ],
    [
      'sudo ksplice-ts apply --timeout 120 ksplice-8c4rnqv2.tar.gz',
      'give busy code two minutes to become idle',
    ],
    [
      'sudo ksplice-ts apply --replace ksplice-8c4rnqv2.tar.gz',
      'have an update take the place of those before it',
    ],
    [
      'sudo ksplice-ts apply --partial ksplice-8c4rnqv2.tar.gz',
      'apply an update although a module that it changes is not loaded',
    ],
    [
      "sudo ksplice-ts apply --watch 10m --probe 'curl -fs localhost' ksplice-8c4rnqv2.tar.gz",
      'take it back if the kernel complains, or the probe fails, in the next ten minutes',
    ],
  ],
  run: async (args, ui) => {
    const watch = readWatchOptions(args);
    const host = new Host();
    if (args.partial === true) {
      requireOwnTool();
      await requireSeenByKernel(host);
    }
    ui.stage('reading the update');
    const chosen = await chooseUpdate(args.update, await thisKernel(host), trusting(host.paths));
    if (chosen.notNeeded) return nothingNeeded(chosen.notNeeded);
    const { update, trust, maxStopMs } = chosen.found;
    const timeout = args.timeout * 1000;
    const dryRun = args['dry-run'] === true;
    const allowBusy = readNames(args['allow-busy']);
    const partial = args.partial === true ? lateHelper() : undefined;
    const replace = args.replace === true;
    const options = { timeout, dryRun, allowBusy, partial, replace, trust, maxStopMs };
    const apply = () => applyUpdate(update, host, options, ui);
    const applied = watch ? await applyWatched(update.id, watch, apply, host, ui) : await apply();
    return {
      json: {
        ...applied,
        stage: applied.stage ?? null,
        dryRun,
        trust,
        watched: watch?.seconds ?? null,
        description: update.description,
        targets: update.contents.changes.map(({ target }) => target),
      },
      text: [
        ...describe(applied, trust),
        ...(watch ? [`Nothing was wrong in ${args.watch}.`] : []),
      ],
    };
  },
});

function describe(applied: Applied, trust: Trust): string[] {
  const { id, changed, stage, waiting, functions, allowBusy, replaced, timing } = applied;
  if (stage === undefined) {
    return [
      `Update ${id} could be applied now; nothing was changed.`,
      trustLine(trust),
      ...replacedLines(replaced),
      ...pauseLine(timing),
      '`ksplice-ts apply` without --dry-run applies it.',
    ];
  }
  const now = stage === 'applied' ? 'is applied' : 'waits for its modules';
  return [
    changed ? `Update ${id} ${now}.` : `Update ${id} was already applied; nothing was changed.`,
    trustLine(trust),
    ...replacedLines(replaced),
    ...functionLines(functions),
    ...waitingLines(waiting),
    ...busyLines(allowBusy),
    ...(changed ? pauseLine(timing) : []),
    `\`ksplice-ts undo ${id}\` undoes it.`,
  ];
}

function replacedLines(ids: readonly string[]): string[] {
  return ids.length > 0 ? [`  in the place of: ${ids.join(', ')}`] : [];
}
