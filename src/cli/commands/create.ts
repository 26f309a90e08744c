import { resolve } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { readGivenFixes } from '../../create/change/find-fixes.js';
import { createUpdate } from '../../create/pipeline.js';
import { prebuild } from '../../create/prebuild.js';
import type { CreateOptions } from '../../create/request.js';
import { createSet } from '../../create/set/create-set.js';
import { confdirsIn } from '../../create/set/request.js';
import { changeOptions, readChange, readWork, sourcePosition } from '../change-options.js';
import {
  type commonOptions,
  defineCommand,
  type Options,
  type Outcome,
  type Values,
} from '../command.js';
import { describeSet, describeUpdate } from '../create-report.js';
import { allowBusyOption, readNames } from '../switch-report.js';
import { requireId } from '../update-id.js';

const positionals = { source: sourcePosition } as const satisfies Options;

const options = {
  ...changeOptions,
  config: {
    type: 'string',
    array: true,
    nargs: 1,
    describe:
      'The directory that configure made; several make a set, with an update for each kernel',
  },
  configs: {
    type: 'string',
    requiresArg: true,
    describe: 'A directory with such directories: make a set, with an update for each of them',
  },
  'allow-busy': allowBusyOption,
  'allow-layout': {
    type: 'string',
    array: true,
    nargs: 1,
    describe:
      'Change this type ("struct foo") although objects of it may exist; you promise that this does no harm; may be repeated',
  },
  fixes: {
    type: 'string',
    array: true,
    nargs: 1,
    describe:
      'What the update repairs: CVE ids, or ids of upstream commits (separated by commas), besides those in the words of the patch; =none: leave those out; may be repeated',
  },
  supersedes: {
    type: 'string',
    array: true,
    nargs: 1,
    describe:
      'Ids of earlier updates that this one takes the place of (separated by commas): `apply --replace` takes them out in the same stop; may be repeated',
  },
  series: {
    type: 'boolean',
    describe:
      'With --git: the next change starts at this revision (moves refs/ksplice/pre). With --patch: make the update on top of the last one',
  },
  'build-modules': {
    type: 'boolean',
    describe: 'Also put the fixed modules into the update, for installation on disk',
  },
  prebuild: {
    type: 'boolean',
    describe:
      'Make no update, but prepare for later updates; if a change is given, compile its objects too',
  },
  'sign-key': {
    type: 'string',
    requiresArg: true,
    implies: 'sign-cert',
    describe: 'Sign all modules with this private key (PEM, or a PKCS#11 URI)',
  },
  'sign-cert': {
    type: 'string',
    requiresArg: true,
    implies: 'sign-key',
    describe: 'The certificate of that key (X.509, PEM or DER); the kernel has to trust it',
  },
  'sign-with': {
    type: 'string',
    requiresArg: true,
    describe: 'Sign the update with this OpenSSH key (of ssh-agent: the public key)',
  },
  id: {
    type: 'string',
    describe: 'The id of the update: up to 16 letters and digits; random by default',
  },
  description: { type: 'string', describe: 'A line that `view` shows' },
  output: { type: 'string', default: '.', describe: 'The directory for the update' },
} as const satisfies Options;

/** A set was made, but not for every kernel. */
const SOME_REFUSED = 3;

type Args = Values<typeof positionals & typeof options & typeof commonOptions>;

export const command = defineCommand({
  usage: 'create [source]',
  describe: 'Make an update from a source patch',
  positionals,
  options,
  examples: [
    [
      'ksplice-ts create --patch fix.patch --config conf',
      'make ksplice-ID.tar.gz in this directory',
    ],
    [
      'ksplice-ts create --patch fix.patch --config conf ~/linux-6.1 --id cve20261 --output updates',
      'use another source tree, id and directory',
    ],
    [
      'ksplice-ts create --patch fix.patch --config conf --module ~/tunnel-1.0',
      'patch a module that is built outside of the kernel source',
    ],
    [
      'ksplice-ts create --diffext .new --config conf ~/linux-6.1',
      'compare net/ipv4/tcp.c.new with net/ipv4/tcp.c',
    ],
    [
      'ksplice-ts create --patch more.patch --on ksplice-8c4rnqv2.tar.gz --config conf',
      'make an update on top of an applied one, even of the same functions',
    ],
    [
      'ksplice-ts create --patch fix.patch --configs kernels',
      'make a set, with an update for each kernel that was configured in kernels/',
    ],
    [
      'ksplice-ts create --prebuild --config conf',
      'prepare now, so that an urgent update takes only seconds',
    ],
    [
      'ksplice-ts create --git my-fix --series --config conf ~/linux.git-tree',
      'make an update from the running commit to the branch my-fix',
    ],
  ],
  run: async (args, ui) => {
    const { config = [], configs } = args;
    if (configs !== undefined || config.length > 1) return await makeSet(args, ui);
    if (args.prebuild === true) return await fillCache(args, ui);
    const created = await createUpdate({ ...readChange(args), ...readOptions(args) }, ui);
    return { json: { ...created }, text: describeUpdate(created) };
  },
});

async function makeSet(args: Args, ui: Ui): Promise<Outcome> {
  if (args.prebuild === true) {
    throw usage('--prebuild is for one kernel', 'Call it once for each, with one --config.');
  }
  const { config = [], configs } = args;
  const confdirs = [...config, ...(configs === undefined ? [] : confdirsIn(configs))];
  const made = await createSet({ ...readChange(args), ...readSharedOptions(args), confdirs }, ui);
  const isWhole = made.kernels.every(({ outcome }) => outcome !== 'refused');
  return { json: { ...made }, text: describeSet(made), exitStatus: isWhole ? 0 : SOME_REFUSED };
}

async function fillCache(args: Args, ui: Ui): Promise<Outcome> {
  const done = await prebuild({ ...readChange(args), ...readOptions(args) }, ui);
  const { release, area, core, objects } = done;
  return {
    json: { ...done },
    text: [
      `The cache is ready for updates of ${release}:`,
      `  work tree    ${area}`,
      `  kernel core  ${core}`,
      ...(objects.length > 0 ? [`  objects      ${objects.join(', ')}`] : []),
    ],
  };
}

function readOptions(args: Args): CreateOptions {
  const [confdir] = args.config ?? [];
  if (confdir === undefined) {
    throw usage('missing required argument: config', 'Make it with `ksplice-ts configure`.');
  }
  return { ...readSharedOptions(args), confdir };
}

function readSharedOptions(args: Args): Omit<CreateOptions, 'confdir'> {
  return {
    ...readWork(args),
    id: args.id,
    description: args.description,
    output: args.output,
    series: args.series === true,
    buildModules: args['build-modules'] === true,
    allowBusy: readNames(args['allow-busy']),
    allowLayout: readTypes(args['allow-layout']),
    fixes: args.fixes && readGivenFixes(readNames(args.fixes)),
    supersedes: readNames(args.supersedes).map(requireId),
    signing: readSigning(args),
    signWith: args['sign-with'],
  };
}

/** Types as C has them; "struct:foo" needs no quotes in a shell. */
function readTypes(words: readonly string[] = []): string[] {
  return [...new Set(words.map((word) => word.replace(':', ' ').replace(/\s+/g, ' ').trim()))];
}

/** sign-file runs in another directory than we. */
function readSigning(args: Args): CreateOptions['signing'] {
  const { 'sign-key': key, 'sign-cert': cert } = args;
  if (key === undefined || cert === undefined) return undefined;
  return { key: key.startsWith('pkcs11:') ? key : resolve(key), cert: resolve(cert) };
}

function usage(message: string, advice: string): KspliceError {
  return new KspliceError('usage', message, { advice });
}
