import { Host } from '../../host/host.js';
import { type ListedUpdate, listInstalled } from '../../install/install.js';
import { defineCommand } from '../command.js';

export const command = defineCommand({
  usage: 'list',
  describe: 'Show which updates are applied at boot, in order',
  positionals: {},
  options: {},
  examples: [
    ['sudo ksplice-ts list', 'list the installed updates, and their results at this boot'],
  ],
  run: async (_args, ui) => {
    const updates = await listInstalled(new Host(), ui);
    const lines = updates.flatMap((one) => [
      `${one.id} [${state(one)}]: ${one.description.split('\n', 1)[0]}`,
      ...(one.boot?.message && !isWhole(one) ? [`  ${one.boot.message}`] : []),
    ]);
    return {
      json: { updates },
      text: updates.length > 0 ? lines : ['No updates are installed.'],
    };
  },
});

/** What was said of it at boot is over then. */
function isWhole({ stage, waiting }: ListedUpdate): boolean {
  return stage === 'applied' && waiting.length === 0;
}

function state(one: ListedUpdate): string {
  const { stage, waiting, thisKernel, crashed, withdrawn, onTrial, boot, release } = one;
  if (!thisKernel) return `for another kernel, ${release}`;
  if (waiting.length > 0) return `waiting for ${waiting.join(', ')}`;
  if (stage === 'applied') return onTrial ? 'applied, on trial in this boot' : 'applied';
  if (withdrawn) return 'withdrawn';
  if (crashed) return 'crashed a boot, not tried again';
  return boot?.outcome === 'failed' ? 'refused at boot' : 'not applied';
}
