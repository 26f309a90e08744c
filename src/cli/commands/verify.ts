import { verifyMade } from '../../create/again/verify.js';
import { changeOptions, readChange, readWork, sourcePosition } from '../change-options.js';
import { defineCommand, type Options } from '../command.js';
import { updateArgument } from '../update-argument.js';

const positionals = {
  update: updateArgument,
  source: sourcePosition,
} as const satisfies Options;

const options = {
  ...changeOptions,
  config: {
    type: 'string',
    demandOption: true,
    requiresArg: true,
    describe: 'The directory that configure made',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'verify <update> [source]',
  describe: 'Make an update again from its patch, and compare all that is in it',
  positionals,
  options,
  examples: [
    [
      'ksplice-ts verify ksplice-8c4rnqv2.tar.gz --patch fix.patch --config conf',
      'see whether the update is what fix.patch makes',
    ],
  ],
  run: async (args, ui) => {
    const request = { ...readChange(args), ...readWork(args), confdir: args.config };
    const verified = await verifyMade(args.update, request, ui);
    const { id, files, signed } = verified;
    return {
      json: { ...verified, same: true },
      text: [
        `Update ${id} is what this patch makes: ${files} files are the same, byte by byte.`,
        ...(signed.length === 0
          ? []
          : [
              `Without the signatures of its modules, for which one needs the key: ${signed.join(', ')}`,
            ]),
      ],
    };
  },
});
