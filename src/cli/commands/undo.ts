import { type Undone, undoUpdate } from '../../apply/undo-update.js';
import { Host } from '../../host/host.js';
import { defineCommand, type Options } from '../command.js';
import { addressLines, pauseLine, timeoutOption } from '../switch-report.js';
import { requireId } from '../update-id.js';

const positionals = {
  id: {
    type: 'string',
    demandOption: true,
    describe: "The update's id, as `ksplice-ts view` shows it",
  },
} as const satisfies Options;

const options = {
  timeout: timeoutOption,
  dangling: {
    type: 'boolean',
    default: false,
    describe:
      'Unload the new code although others may have addresses in it; these are invalid then',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'undo <id>',
  describe: 'Restore the old code, and unload an update',
  positionals,
  options,
  examples: [['sudo ksplice-ts undo 8c4rnqv2', 'undo an update']],
  run: async (args, ui) => {
    const id = requireId(args.id);
    const timeout = args.timeout * 1000;
    const undone = await undoUpdate(
      id,
      new Host(),
      { timeout, dangling: args.dangling === true },
      ui,
    );
    return { json: { ...undone }, text: describe(undone) };
  },
});

function describe(undone: Undone): string[] {
  const { id, timing, coreUnloaded, coreKept, because } = undone;
  if (because !== null) return describeKept(undone);
  return [
    `Update ${id} is undone and unloaded.`,
    ...pauseLine(timing),
    ...(coreUnloaded ? ['No update is left; the core is unloaded as well.'] : []),
    ...(coreKept
      ? [
          '  The core, ksplice, stays until the next boot: ftrace has stopped itself, and still refers to it.',
        ]
      : []),
  ];
}

/** The old code is back, and that is all. */
function describeKept({
  id,
  changed,
  timing,
  stayLoaded,
  because,
  addressesOut,
}: Undone): string[] {
  const head = changed
    ? `Update ${id} is undone: the old code runs again.`
    : `The old code of ${id} was running already; nothing was changed.`;
  const modules = stayLoaded.join(', ');
  if (because === 'modules-disabled') {
    const why = 'kernel.modules_disabled is 1';
    const line = `  No task is in its modules, but they stay loaded until the next boot, because ${why}: ${modules}`;
    return [head, ...pauseLine(timing), line];
  }
  return [
    head,
    ...pauseLine(timing),
    `  Its new code stays loaded until the next boot, because others may have addresses in it: ${modules}`,
    ...addressLines(addressesOut),
    `  \`ksplice-ts undo ${id} --dangling\` unloads it. Do that only if nobody will use these addresses any more.`,
  ];
}
