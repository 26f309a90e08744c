// One object in several states, compiled from C that a test has in itself: as booted,
// as an update below has it, as it is to be.

import path from 'node:path';
import { Homes } from '../../src/diff/homes.js';
import { diffObjects } from '../../src/diff/index.js';
import type { ObjectDiff } from '../../src/diff/object-diff.js';
import { ElfObject, type ElfSymbol } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { compile, sectionFlags } from './compile.js';
import { withFiles } from './files.js';

const HEAD = `
#define noipa __attribute__((__noipa__))
int sink(int);
`;

/** A source compiled as the differ wants it. `sink()` and `noipa` are declared. */
export function bytesOf(source: string): Buffer {
  return withFiles({ 'a.c': Buffer.from(HEAD + source) }, (folder) =>
    compile(path.join(folder, 'a.c'), sectionFlags),
  );
}

export function objectOf(source: string, label: string): ElfObject {
  return new ElfObject(bytesOf(source), label);
}

/** What a change of source does, without updates below. */
export function diffOf(before: string, after: string, name: string): ObjectDiff {
  const [pre, post] = [objectOf(before, name), objectOf(after, name)];
  return diffObjects(pre, post, name, inferTableSizes([pre, post]));
}

/** Where things are after updates that made each source of the one before it. */
export function homesOf(sources: readonly string[], name: string): Homes {
  const [booted, ...states] = sources.map((source) => objectOf(source, name));
  let homes = new Homes(booted!, []);
  let running = booted!;
  for (const post of states) {
    const isNewcomer = (symbol: ElfSymbol) => homes.of(symbol).kind === 'update';
    const tables = inferTableSizes([running, post]);
    const step = diffObjects(running, post, name, tables, isNewcomer);
    homes = new Homes(booted!, [...homes.steps, step]);
    running = post;
  }
  return homes;
}
