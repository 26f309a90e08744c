import { Host } from '../../host/host.js';
import { type Installation, installUpdate } from '../../install/install.js';
import { requireOwnTool } from '../../install/own-program.js';
import { readTrusted, type Trust, trustLine } from '../../trust/trusted.js';
import { defineCommand, type Options } from '../command.js';
import { updateArgument } from '../update-argument.js';

const positionals = {
  update: updateArgument,
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
    const { update, trust } = await readTrusted(args.update, host.paths);
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
