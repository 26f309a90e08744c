import type { Applied } from '../../apply/applied.js';
import { applyUpdate } from '../../apply/apply.js';
import { KspliceError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { Host } from '../../host/host.js';
import { withdrawn } from '../../host/withdrawn.js';
import { lateHelper, requireOwnTool, requireSeenByKernel } from '../../install/own-program.js';
import { awaitVerdict, startWatch } from '../../install/start-watch.js';
import { endWatch } from '../../install/watch-record.js';
import { readUpdate } from '../../update/read.js';
import { defineCommand, type Options } from '../command.js';
import {
  allowBusyOption,
  busyLines,
  functionLines,
  pauseLine,
  readNames,
  timeoutOption,
  waitingLines,
} from '../switch-report.js';
import { updateArgument } from '../update-argument.js';
import { readWatchOptions, watchOptions } from '../watch-options.js';

const positionals = {
  update: updateArgument,
} as const satisfies Options;

const options = {
  timeout: timeoutOption,
  'allow-busy': allowBusyOption,
  'dry-run': {
    type: 'boolean',
    describe: 'Do everything except the switch: load, compare, check all stacks, unload',
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
      'sudo ksplice-ts apply --timeout 120 ksplice-8c4rnqv2.tar.gz',
      'give busy code two minutes to become idle',
    ],
    [
      "sudo ksplice-ts apply --watch 10m --probe 'curl -fs localhost' ksplice-8c4rnqv2.tar.gz",
      'take the update back if the kernel complains or the probe fails in ten minutes',
    ],
    [
      'sudo ksplice-ts apply --partial ksplice-8c4rnqv2.tar.gz',
      'apply an update although a module that it changes is not loaded',
    ],
  ],
  run: async (args, ui) => {
    const host = new Host();
    if (args.partial === true) {
      requireOwnTool();
      await requireSeenByKernel(host);
    }
    ui.stage('reading the update');
    const update = await readUpdate(args.update);
    const timeout = args.timeout * 1000;
    const dryRun = args['dry-run'] === true;
    const allowBusy = readNames(args['allow-busy']);
    const partial = args.partial === true ? lateHelper() : undefined;
    const options = { timeout, dryRun, allowBusy, partial };
    const watch = readWatchOptions(args);
    if (watch) {
      requireOwnTool();
      ui.stage('starting the watch');
      await startWatch(update.id, host, watch);
    }
    const applied = await applyUpdate(update, host, options, ui).catch(async (error) => {
      if (watch) await endWatch(host, update.id);
      throw error;
    });
    if (watch) await watched(update.id, host, ui);
    return {
      json: {
        ...applied,
        stage: applied.stage ?? null,
        dryRun,
        watched: watch?.seconds ?? null,
        description: update.description,
        targets: update.contents.changes.map(({ target }) => target),
      },
      text: describe(applied),
    };
  },
});

/** Waits until the watch is over; what it took back is a failure. */
async function watched(id: string, host: Host, ui: Ui): Promise<void> {
  ui.stage('watching; the watch goes on without this terminal');
  const { outcome, message } = await awaitVerdict(id, host, ui);
  if (outcome === 'good') return;
  if (outcome === 'gone') throw new KspliceError('not-applied', message);
  const record = await withdrawn(host, id);
  throw new KspliceError('withdrawn', `update ${id} was withdrawn: ${message}`, {
    advice: `No command applies it again, until \`ksplice-ts clear ${id}\`.`,
    details: { id, reason: record?.reason ?? null, remains: record?.remains ?? null },
  });
}

function describe(applied: Applied): string[] {
  const { id, changed, stage, waiting, functions, allowBusy, timing } = applied;
  if (stage === undefined) {
    return [
      `Update ${id} could be applied now; nothing was changed.`,
      ...pauseLine(timing),
      '`ksplice-ts apply` without --dry-run applies it.',
    ];
  }
  const now = stage === 'applied' ? 'is applied' : 'waits for its modules';
  return [
    changed ? `Update ${id} ${now}.` : `Update ${id} was already applied; nothing was changed.`,
    ...functionLines(functions),
    ...waitingLines(waiting),
    ...busyLines(allowBusy),
    ...(changed ? pauseLine(timing) : []),
    `\`ksplice-ts undo ${id}\` undoes it.`,
  ];
}
