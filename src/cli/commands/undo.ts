import { Host } from '../../apply/host.js';
import { undoUpdate } from '../../apply/undo.js';
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
    return {
      json: { ...undone, changed: true },
      text: [
        `Update ${id} is undone and unloaded.`,
        ...pauseLine(undone.timing),
        ...(undone.coreUnloaded ? ['No update is left; the core is unloaded as well.'] : []),
      ],
    };
  },
};
