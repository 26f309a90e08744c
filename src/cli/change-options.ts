// What create and verify are both told: which change is made to which source, and how.

import { availableParallelism } from 'node:os';
import { KspliceError } from '../base/errors.js';
import type { ChangeRequest } from '../create/change/change.js';
import { readPatchOptions } from '../create/change/patch-options.js';
import type { commonOptions, Option, Options, Values } from './command.js';
import { readNames } from './switch-report.js';

export const sourcePosition = {
  type: 'string',
  describe: "The kernel's source tree; the default is the one that the configuration names",
} as const satisfies Option;

export const changeOptions = {
  patch: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'A unified diff; several patches are applied in order',
  },
  diffext: {
    type: 'string',
    requiresArg: true,
    describe:
      'Instead of --patch: a file with this ending is the new version of the file without it',
  },
  git: {
    type: 'string',
    requiresArg: true,
    describe: 'Instead of --patch: the git revision whose source is to run',
  },
  module: {
    type: 'string',
    requiresArg: true,
    describe:
      "A module's directory, in place of the kernel source; only the kernel's headers are needed then",
  },
  image: {
    type: 'string',
    requiresArg: true,
    describe:
      'Prove the update against this image: a package (unpacked or .deb), a build, or a capture; the default is the image that configure found',
  },
  strip: {
    alias: 'p',
    type: 'number',
    requiresArg: true,
    describe: 'How many leading directories to remove from names in the patch; detected by default',
  },
  'patch-opt': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'An option of patch(1): =-pN, =-FN, =-R, =-l; may be repeated',
  },
  'only-targets': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Change only these targets: vmlinux, or modules (separated by commas)',
  },
  on: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Make the update on top of this applied update; may be repeated',
  },
  jobs: {
    alias: 'j',
    type: 'number',
    requiresArg: true,
    describe:
      'How many compilers run at a time; the default is $CONCURRENCY_LEVEL, or the number of processors',
  },
} as const satisfies Options;

type Args = Values<
  { readonly source: typeof sourcePosition } & typeof changeOptions & typeof commonOptions
>;

/** The three ways in. */
export function readChange(args: Args): ChangeRequest {
  const { patch, diffext, git, strip } = args;
  if (strip !== undefined && !(Number.isInteger(strip) && strip >= 0)) {
    throw usage('--strip needs a number from 0 up', 'It is what patch(1) calls -pN.');
  }
  const options = [...(args['patch-opt'] ?? [])];
  if (strip !== undefined) options.push(`-p${strip}`);
  const patchOptions = options.length > 0 ? readPatchOptions(options) : undefined;
  return { patch, diffext, git, patchOptions };
}

/** Everything else but the configuration. */
export function readWork(args: Args) {
  return {
    source: args.source,
    module: args.module,
    image: args.image,
    on: args.on,
    onlyTargets: args['only-targets'] && readNames(args['only-targets']),
    jobs: readJobs(args.jobs, process.env.CONCURRENCY_LEVEL),
    keep: args.verbose === true,
  };
}

/** As for dpkg's tools, CONCURRENCY_LEVEL says how much of the machine a build may take. */
export function readJobs(given: number | undefined, level: string | undefined): number {
  if (given === undefined && !level) return availableParallelism();
  const jobs = given ?? Number(level);
  if (Number.isInteger(jobs) && jobs >= 1) return jobs;
  const name = given === undefined ? 'CONCURRENCY_LEVEL' : '--jobs';
  throw usage(`${name} needs a number from 1 up`, 'It is how many compilers run at a time.');
}

function usage(message: string, advice: string): KspliceError {
  return new KspliceError('usage', message, { advice });
}
