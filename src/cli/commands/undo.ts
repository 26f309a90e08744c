import { Host } from '../../apply/host.js';
import { type Undone, undoUpdate } from '../../apply/undo.js';
import type { Command } from '../command.js';
import { pauseLine, timeoutOption } from '../switch-report.js';
import { requireId } from '../update-id.js';

export const command: Command = {
  usage: 'undo <id>',
  describe: 'Put the old code back, and unload an update',
  options: (yargs) =>
    yargs
      .positional('id', {
        type: 'string',
        demandOption: true,
        describe: "The update's id, as `ksplice-ts view` lists it",
      })
      .option('timeout', timeoutOption),
  examples: [['sudo ksplice-ts undo 8c4rnqv2', 'take an update back']],
  run: async (args, ui) => {
    const id = requireId(args.id as string);
    const timeout = (args.timeout as number) * 1000;
    const undone = await undoUpdate(id, new Host(), { timeout }, ui);
    return { json: { ...undone }, text: describe(undone) };
  },
};

function describe({ id, changed, timing, coreUnloaded, coreKept, stayLoaded }: Undone): string[] {
  if (stayLoaded.length > 0) {
    return [
      changed
        ? `Update ${id} is undone: the old code runs again.`
        : `The old code of ${id} ran already; nothing was changed.`,
      ...pauseLine(timing),
      `  Nobody is in its modules, but they stay loaded until the next boot, since kernel.modules_disabled is 1: ${stayLoaded.join(', ')}`,
    ];
  }
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
