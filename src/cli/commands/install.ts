import { Host } from '../../host/host.js';
import { type Installation, installUpdate } from '../../install/install.js';
import { requireOwnTool } from '../../install/own-program.js';
import { type Trust, trustLine } from '../../trust/trust.js';
import { trusting } from '../../trust/trusted.js';
import { chooseUpdate } from '../../update/choose.js';
import { defineCommand, type Options } from '../command.js';
import { nothingNeeded, setArgument, thisKernel } from '../from-set.js';

const positionals = {
  update: setArgument,
} as const satisfies Options;

export const command = defineCommand({
  usage: 'install <update>',
  describe: 'Apply an update at each boot of its kernel',
  positionals,
  options: {},
  examples: [
    ['sudo ksplice-ts install ksplice-8c4rnqv2.tar.gz', 'apply an update from the next boot on'],
    ['sudo ksplice-ts apply ksplice-8c4rnqv2.tar.gz', 'apply it now, too'],
  ],
  run: async (args, ui) => {
    requireOwnTool();
    ui.stage('reading the update');
    const host = new Host();
    const chosen = await chooseUpdate(args.update, await thisKernel(host), trusting(host.paths));
    if (chosen.notNeeded) return nothingNeeded(chosen.notNeeded);
    const { update, trust } = chosen.found;
    const installation = await installUpdate(update, host);
    return { json: { ...installation, trust }, text: describe(installation, trust) };
  },
});

function describe({ id, changed, atBoot, release, buildId }: Installation, trust: Trust): string[] {
  const kernel = `Linux ${release}, build ${buildId.slice(0, 12)}`;
  return [
    changed
      ? `Update ${id} is installed for ${kernel}.`
      : `Update ${id} was already installed; nothing was changed.`,
    trustLine(trust),
    ...(atBoot ? [] : ['There is no systemd here: have `ksplice-ts boot` run early at boot.']),
    'It is applied from the next boot on; `ksplice-ts apply` applies it now.',
  ];
}
