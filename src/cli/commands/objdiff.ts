// objdiff: the differ alone, on two objects that the user compiled.

import { readFile } from 'node:fs/promises';
import { machine } from '../../arch/index.js';
import { KspliceError } from '../../base/errors.js';
import { withGccSections } from '../../diff/clang.js';
import { diffObjects } from '../../diff/index.js';
import type { ChangedNames, ObjectDiff } from '../../diff/object-diff.js';
import { ElfObject } from '../../elf/object.js';
import { inferTableSizes, readTableSizes } from '../../elf/tables.js';
import { defineCommand, type Options, type Outcome, type Values } from '../command.js';

const positionals = {
  pre: { type: 'string', describe: 'The object before the change' },
  post: { type: 'string', describe: 'The object after the change' },
} as const satisfies Options;

const options = {
  explain: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Print the decisions about SYMBOL, in their order',
  },
  tables: {
    type: 'string',
    describe: 'The object of the table probe, for exact layouts of special tables',
  },
} as const satisfies Options;

export const command = defineCommand({
  usage: 'objdiff <pre> <post>',
  describe: 'Compare two objects compiled with -ffunction-sections -fdata-sections',
  positionals,
  options,
  examples: [
    ['ksplice-ts objdiff pre.o post.o', 'show what changed'],
    ['ksplice-ts objdiff pre.o post.o --explain tcp_v4_rcv', 'show why a function is replaced'],
  ],
  run: async (args) => objdiff(args.pre, args.post, args),
});

async function objdiff(
  prePath: string,
  postPath: string,
  { tables: tablesPath, explain: symbols = [] }: Values<typeof options>,
): Promise<Outcome> {
  const objects = await Promise.all([readObject(prePath), readObject(postPath)]);
  const [pre, post] = objects.map(withGccSections).map(machine.sites.withoutRuntimeConstants) as [
    ElfObject,
    ElfObject,
  ];
  const tables = tablesPath
    ? readTableSizes(await readObject(tablesPath))
    : inferTableSizes([pre, post]);
  const diff = diffObjects(pre, post, postPath, tables, undefined, 'ignored');
  const { verdict, functions, data, refusals, notes } = diff;
  const explanations = Object.fromEntries(symbols.map((name) => [name, explain(diff, name)]));
  return {
    json: {
      verdict,
      functions,
      data,
      refusals,
      notes,
      ...(symbols.length > 0 ? { explain: explanations } : {}),
    },
    text: [
      verdict,
      ...list('function', functions),
      ...list('data', data),
      ...refusals.flatMap((refusal) => [
        `refused (${refusal.code}): ${refusal.message}`,
        `  ${refusal.advice}`,
      ]),
      ...notes.map((note) => `note: ${note}`),
      ...symbols.flatMap((name) => [
        `${name}:`,
        ...explanations[name]!.map((reason) => `  ${reason}`),
      ]),
    ],
    exitStatus: verdict === 'refused' ? 1 : 0,
  };
}

async function readObject(path: string): Promise<ElfObject> {
  let data: Buffer;
  try {
    data = await readFile(path);
  } catch (cause) {
    throw new KspliceError('io', `cannot read ${path}: ${(cause as Error).message}`, {
      advice: 'Give the path of an object file.',
      cause,
    });
  }
  return new ElfObject(data, path);
}

function explain(diff: ObjectDiff, name: string): readonly string[] {
  const reasons = diff.explain(name);
  if (reasons.length > 0) return reasons;
  const known = [diff.pre, diff.post].some((object) =>
    object.symbols.some((symbol) => symbol.name === name),
  );
  return [known ? 'nothing was decided about it' : 'no symbol of that name in either object'];
}

function list(kind: string, names: ChangedNames): string[] {
  return (['changed', 'added', 'removed'] as const).flatMap((what) =>
    names[what].map((name) => `  ${what} ${kind}: ${name}`),
  );
}
