import { KspliceError } from '../../base/errors.js';
import { type ArchivedUpdate, readArchived } from '../../package/archived.js';
import { buildPackage } from '../../package/deb.js';
import { kernelVersions } from '../../package/kernel-versions.js';
import { metaPackages } from '../../package/meta-package.js';
import { updatePackage } from '../../package/update-package.js';
import { defineCommand, type Options } from '../command.js';

const positionals = {
  updates: {
    type: 'string',
    array: true,
    demandOption: true,
    describe: 'Each a ksplice-ID.tar.gz, or a set that `create` made for several kernels',
  },
} as const satisfies Options;

const options = {
  image: {
    type: 'string',
    array: true,
    nargs: 1,
    conflicts: 'kernel-version',
    describe:
      'The image of a kernel that the updates are for, as configure takes it: the version of its package is read there',
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
  meta: {
    type: 'number',
    describe:
      'Also make version N of ksplice-updates-RELEASE, which depends on all of these updates: hosts that have it get what a later version adds',
  },
  maintainer: {
    type: 'string',
    default: 'ksplice-ts <ksplice-ts@example.org>',
    describe: 'Who answers for the package: "Name <mail@example.org>"',
  },
  'sign-with': {
    type: 'string',
    requiresArg: true,
    describe:
      'Put the updates into the packages signed, with this OpenSSH key; the tarballs stay as they are',
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
    [
      'ksplice-ts package --image images/a --image images/b ksplice-set-fix1',
      'make a package for each kernel that the set has an update for',
    ],
  ],
  run: async (args, ui) => {
    const { revision, maintainer, meta } = args;
    for (const [name, number] of Object.entries({ revision, meta: meta ?? 1 })) {
      if (Number.isSafeInteger(number) && number > 0) continue;
      throw new KspliceError('usage', `--${name} needs a whole number from 1 on`);
    }
    if (!/^[^\p{C}<>]+ <[^\p{C}<> ]+@[^\p{C}<> ]+>$/u.test(maintainer)) {
      throw new KspliceError('usage', '--maintainer looks like "Name <mail@example.org>"');
    }
    // All are read before one is written.
    const all: ArchivedUpdate[] = [];
    for (const source of args.updates) all.push(...(await readArchived(source, args['sign-with'])));
    const { image: images = [], 'kernel-version': version } = args;
    const updates = all.map(({ update }) => update);
    const versions = await kernelVersions(updates, { images, version }, ui);
    const named = all.map((one, at) => {
      return { ...one, kernelVersion: versions[at] as string, revision, maintainer };
    });
    const plans = [
      ...named.map((one) => updatePackage(one.update, one.archive, one)),
      ...(meta === undefined ? [] : metaPackages(named, meta)),
    ];
    const packages: string[] = [];
    for (const plan of plans) packages.push(await buildPackage(plan, args.output, ui.signal));
    return { json: { packages }, text: packages.map((file) => `Package ${file}`) };
  },
});
