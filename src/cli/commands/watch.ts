import { Host } from '../../host/host.js';
import { watchUpdate } from '../../install/watcher.js';
import { defineCommand, type Options } from '../command.js';
import { requireId } from '../update-id.js';

const positionals = {
  id: { type: 'string', demandOption: true },
} as const satisfies Options;

/** Not for users, and not in the help: `apply --watch` starts it. */
export const command = defineCommand({
  usage: 'watch <id>',
  describe: 'Watch an update, and take it back if it hurts',
  positionals,
  options: {},
  examples: [],
  run: async (args, ui) => {
    const id = requireId(args.id);
    await watchUpdate(id, new Host(), ui);
    return { json: { id }, text: [] };
  },
});
