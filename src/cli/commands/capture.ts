import { captureKernel } from '../../kernel/capture.js';
import { defineCommand, type Options } from '../command.js';

const positionals = {
  dir: {
    type: 'string',
    demandOption: true,
    describe: 'A directory that does not exist yet, or is empty',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'capture <dir>',
  describe: 'Save the running kernel, so that updates can be checked against it elsewhere',
  positionals,
  options: {},
  examples: [
    ['sudo ksplice-ts capture web1.capture', 'save code, read-only data and symbols of this host'],
    [
      'ksplice-ts check ksplice-8c4rnqv2.tar.gz --image web1.capture',
      'prove an update for this host on another one',
    ],
  ],
  run: async (args, ui) => {
    const { dir } = args;
    const { release, version, modules, regions } = await captureKernel(dir, ui);
    const bytes = regions.reduce((sum, { size }) => sum + size, 0);
    return {
      json: { dir, release, version, modules, regions: regions.length, bytes },
      text: [
        `Captured ${release} with ${modules.length} modules: ${(bytes / 2 ** 20).toFixed(1)} MiB of code and read-only data in ${dir}.`,
      ],
    };
  },
});
