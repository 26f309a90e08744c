import { Host } from '../../host/host.js';
import { watchUpdates } from '../../install/watcher.js';
import { defineCommand, type Options } from '../command.js';

const positionals = {
  keeper: { type: 'string', choices: ['shell', 'systemd'], demandOption: true },
} as const satisfies Options;

/** Not for users, and not in the help: `apply --watch` and `boot` have it started. */
export const command = defineCommand({
  usage: 'watch <keeper>',
  describe: 'Watch the updates that are to be watched, and take back those that hurt',
  positionals,
  options: {},
  examples: [],
  run: async (args, ui) => {
    await watchUpdates(args.keeper === 'systemd' ? 'systemd' : 'shell', new Host(), ui);
    return { json: {}, text: [] };
  },
});
