import { Host } from '../../host/host.js';
import { clearUpdate } from '../../install/withdraw.js';
import { defineCommand, type Options } from '../command.js';
import { requireId } from '../update-id.js';

const positionals = {
  id: {
    type: 'string',
    demandOption: true,
    describe: "The update's id",
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'clear <id>',
  describe: 'Let an update be applied again that was withdrawn, or that crashed a boot',
  positionals,
  options: {},
  examples: [['sudo ksplice-ts clear 8c4rnqv2', 'allow an update again']],
  run: async (args) => {
    const id = requireId(args.id);
    await clearUpdate(id, new Host());
    return { json: { id }, text: [`Update ${id} may be applied again.`] };
  },
});
