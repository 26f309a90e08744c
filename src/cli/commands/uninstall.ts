import { Host } from '../../host/host.js';
import { uninstallUpdate } from '../../install/install.js';
import type { Command } from '../command.js';
import { requireId } from '../update-id.js';

export const command: Command = {
  usage: 'uninstall <id>',
  describe: 'No longer apply an update at boot; what is applied now stays so',
  options: (yargs) =>
    yargs.positional('id', {
      type: 'string',
      demandOption: true,
      describe: "The update's id, as `ksplice-ts list` has it",
    }),
  examples: [['sudo ksplice-ts uninstall 8c4rnqv2', 'the next boot goes without it']],
  run: async (args) => {
    const id = requireId(args.id as string);
    const { stage } = await uninstallUpdate(id, new Host());
    return {
      json: { id, changed: true, stage },
      text: [
        `Update ${id} is not installed any more.`,
        ...(stage === 'applied'
          ? [`It is applied still; \`ksplice-ts undo ${id}\` ends that.`]
          : []),
      ],
    };
  },
};
