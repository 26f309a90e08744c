import { Host } from '../../host/host.js';
import { bootUpdates, endTrials } from '../../install/boot.js';
import type { BootResult } from '../../install/results.js';
import { defineCommand, type Options, type Outcome } from '../command.js';
import { timeoutOption } from '../switch-report.js';

const options = {
  timeout: timeoutOption,
  retry: {
    type: 'boolean',
    describe: 'Also try updates that crashed an earlier boot',
  },
  good: {
    type: 'boolean',
    conflicts: 'retry',
    describe: 'Apply nothing; record that this boot works well with the updates that are new in it',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'boot',
  describe: 'Apply the installed updates; the systemd unit runs this at boot',
  positionals: {},
  options,
  examples: [['sudo ksplice-ts boot --retry', 'try updates again that crashed an earlier boot']],
  run: async (args, ui) => {
    if (args.good === true) return good(await endTrials(new Host()));
    const timeout = args.timeout * 1000;
    const results = await bootUpdates(new Host(), { timeout, retry: args.retry === true }, ui);
    return {
      json: { updates: results },
      text: results.length > 0 ? results.map(line) : ['No updates are installed.'],
    };
  },
});

function good(survived: readonly string[]): Outcome {
  const text = survived.map((id) => `Update ${id} is no longer on trial.`);
  return {
    json: { survived },
    text: text.length > 0 ? text : ['No update was on trial in this boot.'],
  };
}

function line({ id, outcome, message }: BootResult): string {
  return outcome === 'applied' ? `Update ${id} is applied.` : message;
}
