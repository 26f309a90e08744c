import { Host } from '../../host/host.js';
import { uninstallUpdate } from '../../install/install.js';
import { defineCommand, type Options } from '../command.js';
import { requireId } from '../update-id.js';

const positionals = {
  id: {
    type: 'string',
    demandOption: true,
    describe: "The update's id, as `ksplice-ts list` shows it",
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'uninstall <id>',
  describe: 'No longer apply an update at boot; if it is applied now, it stays applied',
  positionals,
  options: {},
  examples: [
    ['sudo ksplice-ts uninstall 8c4rnqv2', 'boot without the update from the next boot on'],
  ],
  run: async (args) => {
    const id = requireId(args.id);
    const { stage } = await uninstallUpdate(id, new Host());
    return {
      json: { id, changed: true, stage },
      text: [
        `Update ${id} is not installed any more.`,
        ...(stage === 'applied'
          ? [`It is still applied; \`ksplice-ts undo ${id}\` ends that.`]
          : []),
      ],
    };
  },
});
