import { Host } from '../../apply/host.js';
import { bootUpdates } from '../../install/boot.js';
import type { BootResult } from '../../install/results.js';
import type { Command } from '../command.js';
import { timeoutOption } from '../switch-report.js';

export const command: Command = {
  usage: 'boot',
  describe: 'Apply what is installed: what the systemd unit runs at boot',
  options: (yargs) =>
    yargs.option('timeout', timeoutOption).option('retry', {
      type: 'boolean',
      describe: 'Also try updates that were being applied when an earlier boot crashed',
    }),
  examples: [['sudo ksplice-ts boot --retry', 'try again what crashed an earlier boot']],
  run: async (args, ui) => {
    const timeout = (args.timeout as number) * 1000;
    const results = await bootUpdates(new Host(), { timeout, retry: args.retry === true }, ui);
    return {
      json: { updates: results },
      text: results.length > 0 ? results.map(line) : ['No updates are installed.'],
    };
  },
};

function line({ id, outcome, message }: BootResult): string {
  return outcome === 'applied' ? `Update ${id} is applied.` : message;
}
