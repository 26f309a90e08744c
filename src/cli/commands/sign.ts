import { signUpdate } from '../../trust/sign-update.js';
import { defineCommand, type Options } from '../command.js';

const positionals = {
  update: {
    type: 'string',
    demandOption: true,
    describe: 'The ksplice-ID.tar.gz, which is replaced by the signed one',
  },
} as const satisfies Options;

const options = {
  'sign-with': {
    type: 'string',
    demandOption: true,
    requiresArg: true,
    describe: 'An OpenSSH private key; or a public key, if ssh-agent has the private one',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'sign <update>',
  describe: 'Sign an update with an OpenSSH key, for hosts that know the key',
  positionals,
  options,
  examples: [
    [
      'ksplice-ts sign ksplice-8c4rnqv2.tar.gz --sign-with ~/.ssh/id_ed25519.pub',
      'sign it with a key of ssh-agent',
    ],
  ],
  run: async (args) => {
    const id = await signUpdate(args.update, args['sign-with']);
    return {
      json: { id, file: args.update, changed: true },
      text: [`Update ${id} is signed: ${args.update}`],
    };
  },
});
