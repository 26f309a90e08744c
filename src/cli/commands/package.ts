import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { KspliceError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { openKernelImage } from '../../kernel/kernel-files.js';
import { buildPackage } from '../../package/deb.js';
import { kernelVersionIn, updatePackage } from '../../package/update-package.js';
import { readUpdate } from '../../update/read.js';
import type { Update } from '../../update/update.js';
import { defineCommand, type Options } from '../command.js';

const positionals = {
  updates: {
    type: 'string',
    array: true,
    demandOption: true,
    describe: 'Each a ksplice-ID.tar.gz',
  },
} as const satisfies Options;

const options = {
  image: {
    type: 'string',
    conflicts: 'kernel-version',
    describe:
      'The image that the updates are for, as configure takes it; its version is read there',
  },
  'kernel-version': {
    type: 'string',
    describe: "The version of the kernel's Debian package, such as 6.1.192-3",
  },
  revision: {
    type: 'number',
    default: 1,
    describe: 'The version of the package; raise it to replace one of the same id',
  },
  maintainer: {
    type: 'string',
    default: 'ksplice-ts <ksplice-ts@example.org>',
    describe: 'Who answers for the package: "Name <mail@example.org>"',
  },
  output: { type: 'string', default: '.', describe: 'The directory to put the packages into' },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'package <updates..>',
  describe: 'Make a Debian package of each update, which dpkg and apt install on hosts',
  positionals,
  options,
  examples: [
    [
      'ksplice-ts package --image linux-image-6.1.0-57-amd64_6.1.192-3_amd64.deb ksplice-8c4rnqv2.tar.gz',
      'make ksplice-update-8c4rnqv2_1_amd64.deb',
    ],
  ],
  run: async (args, ui) => {
    const { revision, maintainer } = args;
    if (!Number.isSafeInteger(revision) || revision < 1) {
      throw new KspliceError('usage', '--revision needs a whole number from 1 on');
    }
    if (!/^[^\p{C}<>]+ <[^\p{C}<> ]+@[^\p{C}<> ]+>$/u.test(maintainer)) {
      throw new KspliceError('usage', '--maintainer looks like "Name <mail@example.org>"');
    }
    const plans = [];
    // All are read before one is written.
    for (const file of args.updates) {
      const { update, archive } = await readArchived(file);
      const kernelVersion = args['kernel-version'] ?? (await versionFor(update, args.image, ui));
      plans.push(updatePackage(update, archive, { kernelVersion, revision, maintainer }));
    }
    const packages: string[] = [];
    for (const plan of plans) packages.push(await buildPackage(plan, args.output, ui.signal));
    return { json: { packages }, text: packages.map((file) => `Package ${file}`) };
  },
});

async function readArchived(file: string): Promise<{ update: Update; archive: Buffer }> {
  if ((await stat(file).catch(() => undefined))?.isDirectory()) {
    throw new KspliceError('usage', `${file} is a directory`, {
      advice: 'Give the ksplice-ID.tar.gz that `create` made: the package carries it as it is.',
    });
  }
  const update = await readUpdate(file);
  return { update, archive: readFileSync(file) };
}

async function versionFor(update: Update, image: string | undefined, ui: Ui): Promise<string> {
  const { release } = update.kernel;
  if (image === undefined) {
    throw new KspliceError('usage', `nothing says which version of the kernel ${release} it is`, {
      advice: 'Name its image with --image, or give --kernel-version.',
    });
  }
  const { release: found, version } = await openKernelImage(image, ui, { prefer: release });
  if (found === release) return kernelVersionIn(version);
  throw new KspliceError(
    'kernel-mismatch',
    `${image} is ${found}, and ${update.id} is for ${release}`,
  );
}
