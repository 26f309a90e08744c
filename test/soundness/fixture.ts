// A kind on files alone: a pair of objects through the differ and the guards of `create`, or a
// patch through its reader.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { silentUi } from '../../src/base/ui.js';
import { loadPatch } from '../../src/create/change/source-patch.js';
import { findDifferences } from '../../src/create/code/differences.js';
import { globalNames, refuseTakenNames } from '../../src/create/code/taken-names.js';
import { codeFiles } from '../../src/create/objects/choose-objects.js';
import type { CompiledObject } from '../../src/create/values.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import type { Sources } from '../../src/layout/guard.js';
import { fixtures } from '../diff/fixtures.js';
import { textOf } from '../layout/compile.js';
import { compile, sectionFlags } from '../support/compile.js';
import { withFiles } from '../support/files.js';
import type { Fixture, Seen } from './kind.js';
import { changesOf, see } from './seen.js';

const FLAGS = [...sectionFlags, `-I${fixtures}`, '-g', '-gdwarf-5', '-gbtf'];

/** What the tool does with a fixture. */
export function seeFixture(fixture: Fixture): Promise<Seen> {
  return see(async () => {
    if ('tree' in fixture) return readPatch(fixture);
    return compare(fixture);
  });
}

type Objects = Extract<Fixture, { objects: unknown }>;
type Patch = Extract<Fixture, { tree: unknown }>;

function compare({ objects, known = {} }: Objects) {
  const states = Object.entries(objects).flatMap(([name, [before, after]]) => [
    [`${name}.pre`, compiled(before)] as const,
    [`${name}.post`, compiled(after)] as const,
  ]);
  return withFiles(Object.fromEntries(states), (folder) => {
    const tables = inferTableSizes(states.map(([name, bytes]) => new ElfObject(bytes, name)));
    const all = Object.entries(objects).map(([name, [before]]) =>
      compiledObject(folder, name, before === ''),
    );
    const sources = ({ name }: CompiledObject): Sources => {
      const [before, after] = objects[name.replace(/\.o$/, '')]!;
      return textOf(before, after, name.replace(/o$/, 'c'));
    };
    const types = { comparing: 'compared', allowed: [], sources } as const;
    const found = findDifferences(all, tables, silentUi, [], types);
    const symbols = Object.entries(known).map(([name, type]) => ({ name, type, address: 0n }));
    for (const { target, objects: changed } of found.targets) {
      refuseTakenNames(target, changed, globalNames(symbols, target, undefined));
    }
    return { says: found.notes.join('\n'), changes: changesOf(found.targets) };
  });
}

function compiled(source: string): Buffer {
  const text = `#include "kernel.h"\n${source}`;
  return withFiles({ 'a.c': Buffer.from(text) }, (folder) => compile(join(folder, 'a.c'), FLAGS));
}

function compiledObject(folder: string, name: string, isNew: boolean): CompiledObject {
  const [pre, post] = [join(folder, `${name}.pre`), join(folder, `${name}.post`)];
  const made = { source: `${name}.c`, commands: [], dependencies: [] };
  const place = { name: `${name}.o`, target: `${name}.o`, owners: ['vmlinux'], isNew };
  return { ...place, made, plain: pre, sectioned: pre, post };
}

function readPatch({ tree, patch }: Patch) {
  return withFiles({ 'a.patch': Buffer.from(patch) }, (folder) => {
    const root = join(folder, 'tree');
    for (const [path, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const said: string[] = [];
    const ui = { ...silentUi, warn: (text: string) => void said.push(text) };
    const files = codeFiles(loadPatch(join(folder, 'a.patch'), root, ui), ui);
    return { says: said.join('\n'), changes: files.map(({ path }) => path) };
  });
}
