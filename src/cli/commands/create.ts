import { availableParallelism } from 'node:os';
import { type CreatedUpdate, createUpdate } from '../../create/pipeline.js';
import type { ObjectReport } from '../../create/report.js';
import { KspliceError } from '../../errors.js';
import type { Command } from '../command.js';

export const command: Command = {
  usage: 'create [source]',
  describe: 'Make an update from a source patch',
  options: (yargs) =>
    yargs
      .positional('source', {
        type: 'string',
        describe: "The kernel's source tree; by default the one that the configuration names",
      })
      .option('patch', { type: 'string', demandOption: true, describe: 'A unified diff' })
      .option('module', {
        type: 'string',
        requiresArg: true,
        describe:
          "A module's directory, in place of the kernel source: the headers are enough then",
      })
      .option('config', {
        type: 'string',
        demandOption: true,
        describe: 'The directory that configure made',
      })
      .option('jobs', {
        alias: 'j',
        type: 'number',
        default: availableParallelism(),
        describe: 'Compilers at a time',
      })
      .option('id', { type: 'string', describe: 'Up to 16 letters and digits; random by default' })
      .option('description', { type: 'string', describe: 'A line for `view`' })
      .option('output', { type: 'string', default: '.', describe: 'Directory for the update' }),
  examples: [
    [
      'ksplice-ts create --patch fix.patch --config conf',
      'make ksplice-ID.tar.gz in this directory',
    ],
    [
      'ksplice-ts create --patch fix.patch --config conf ~/linux-6.1 --id cve20261 --output updates',
      'take the source from elsewhere, choose the name',
    ],
    [
      'ksplice-ts create --patch fix.patch --config conf --module ~/tunnel-1.0',
      'for a module that is built outside of the kernel source',
    ],
  ],
  run: async (args, ui) => {
    const jobs = args.jobs as number;
    if (!Number.isInteger(jobs) || jobs < 1) {
      throw new KspliceError('usage', '--jobs needs a number from 1 up');
    }
    const created = await createUpdate(
      {
        patch: args.patch as string,
        confdir: args.config as string,
        source: args.source as string | undefined,
        module: args.module as string | undefined,
        jobs,
        id: args.id as string | undefined,
        description: args.description as string | undefined,
        output: args.output as string,
        keep: args.verbose === true,
      },
      ui,
    );
    return { json: { ...created }, text: describe(created) };
  },
};

function describe({ id, file, proof, report }: CreatedUpdate): string[] {
  return [
    ...report.objects.flatMap(objectLines),
    ...proofLines(proof),
    `Update ${id} is in ${file}`,
  ];
}

function proofLines(proof: CreatedUpdate['proof']): string[] {
  if (!proof) {
    return [
      'Not proved: no file of the running code is at hand. The kernel is compared when the update is applied.',
    ];
  }
  const sum = (field: 'functions' | 'bytes' | 'resolved') =>
    proof.targets.reduce((total, target) => total + target[field], 0);
  return [
    `Proved against ${proof.kernel}: ${sum('functions')} functions, ${sum('bytes')} bytes compared,`,
    `  ${sum('resolved')} symbols of the new code found where the running code has them.`,
  ];
}

function objectLines({ target, object, changed, added, removed, addedData }: ObjectReport) {
  const list = (what: string, names: readonly string[]) =>
    names.length > 0 ? [`  ${what}: ${names.join(', ')}`] : [];
  return [
    `${object} (${target})`,
    ...changed.map(({ name, oldSize, newSize }) => `  ${name}: ${oldSize} -> ${newSize} bytes`),
    ...list('new functions', added),
    ...list('functions no longer there', removed),
    ...list('new data', addedData),
  ];
}
