// The differ on objects of the stock kernel: the two example patches, changes
// that change nothing, and damage of which every bit must be seen.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { readBtf } from '../../src/btf/read.js';
import type { PatchedFile } from '../../src/create/change/patched-file.js';
import { loadPatch } from '../../src/create/change/source-patch.js';
import { UndoStack } from '../../src/create/invocation/undo-stack.js';
import { buildPostObjects } from '../../src/create/objects/post-objects.js';
import { buildPreObjects, compileSectioned } from '../../src/create/objects/pre-objects.js';
import { readBuildHeaders } from '../../src/create/tree/kbuild.js';
import { askTableSizes } from '../../src/create/tree/table-sizes.js';
import { openWorkspace, type Workspace } from '../../src/create/tree/workspace.js';
import type { PreObject } from '../../src/create/values.js';
import { diffObjects } from '../../src/diff/index.js';
import type { ObjectDiff } from '../../src/diff/object-diff.js';
import { SHF_ALLOC } from '../../src/elf/constants.js';
import { ElfObject, type Section } from '../../src/elf/object.js';
import { inferTableSizes, type TableSizes } from '../../src/elf/tables.js';
import { strayRelocations } from '../diff/fixtures.js';
import { fuzzPair, random } from '../fuzz/damage.js';
import { testKernel } from '../kernels/kernel.js';

// Between them they have all special tables, DO_ONCE, and __LINE__ in nearly every function.
const objects = [
  'net/sctp/input.o',
  'net/ipv4/tcp_ipv4.o',
  'net/ipv4/inet_hashtables.o',
  'fs/ext4/extents.o',
  'mm/memory.o',
  'kernel/sched/core.o',
  'kernel/signal.o',
];
const examples = path.resolve(import.meta.dirname, '../../docs/examples');

let source: string;
let work: Workspace;
let tables: TableSizes;
let built: readonly PreObject[];
const undo = new UndoStack();

beforeAll(async () => {
  const kernel = await testKernel();
  source = kernel.source;
  const headers = readBuildHeaders(kernel.headers, kernel.release, []);
  const config = path.join(kernel.headers, '.config');
  work = await openWorkspace(source, config, headers, 2, undo, silentUi);
  tables = await askTableSizes(work, silentUi);
  const chosen = objects.map((name) => ({ name, target: name }));
  built = await buildPreObjects(work.kbuild, chosen, path.join(work.area, 'pre'), silentUi);
});

afterAll(() => {
  expect(undo.unwind()).toEqual([]);
});

function preObject(name: string): PreObject {
  return built.find((object) => object.name === name)!;
}

/** Compiles an object from other texts and compares. */
async function diffWith(name: string, files: readonly PatchedFile[]): Promise<ObjectDiff> {
  const directory = path.join(work.area, 'diff-test');
  const [object] = await buildPostObjects(work, files, [preObject(name)], directory, silentUi);
  return diffObjects(read(object!.sectioned), read(object!.post), name, tables);
}

function read(file: string): ElfObject {
  return new ElfObject(readFileSync(file), file);
}

function sourceOf(name: string): PatchedFile {
  const file = name.replace(/\.o$/, '.c');
  const before = readFileSync(path.join(source, file), 'latin1');
  return { path: file, kind: 'source', before, after: before };
}

function counts(diff: ObjectDiff): Record<string, number> {
  return Object.fromEntries(diff.entries.map((entry) => [entry.table.name, entry.offsets.length]));
}

describe('the example patches', () => {
  test.each([
    ['sctp.patch', 'net/sctp/input.o', 'sctp_rcv'],
    ['tcp.patch', 'net/ipv4/tcp_ipv4.o', 'tcp_v4_rcv'],
  ])('%s replaces one function', async (patch, name, replaced) => {
    const diff = await diffWith(name, loadPatch(path.join(examples, patch), source, silentUi));
    expect(diff.refusals).toEqual([]);
    expect(diff.functions).toEqual({ changed: [replaced], added: [], removed: [] });
    expect(diff.data).toEqual({ changed: [], added: [], removed: [] });
    expect(strayRelocations(diff)).toEqual([]);
    expect([...diff.kept].map((section) => section.name)).toContain(`.text.${replaced}`);
    const table = counts(diff);
    expect(table.__mcount_loc).toBe(1);
    expect(table['.orc_unwind']).toBe(table['.orc_unwind_ip']);
    expect(table.__jump_table).toBeGreaterThan(0);
    // What the function calls and does not change is the running kernel's.
    const running = [...diff.kept].flatMap((section) =>
      diff.relocations(section).filter((relocation) => relocation.to === 'running'),
    );
    expect(running.length).toBeGreaterThan(2);
    expect(running.every(({ symbol }) => diff.pre.symbols.includes(symbol))).toBe(true);
  });
});

describe('a line added at the top changes nothing', () => {
  test.each(objects)('%s', async (name) => {
    const file = sourceOf(name);
    const diff = await diffWith(name, [{ ...file, after: `/* one more */\n${file.after}` }]);
    expect(diff.functions).toEqual({ changed: [], added: [], removed: [] });
    expect({ verdict: diff.verdict, refusals: diff.refusals, notes: diff.notes }).toEqual({
      verdict: 'unchanged',
      refusals: [],
      notes: [],
    });
  });
});

describe('type information changes nothing else', () => {
  test.each(['net/sctp/input.o', 'kernel/signal.o'])('%s', async (name) => {
    const output = path.join(work.area, 'typed-test', name);
    await compileSectioned({ ...work.kbuild, types: true }, preObject(name), output, silentUi);
    const [plain, typed] = [read(preObject(name).sectioned), read(output)];
    expect(readBtf(typed.section('.BTF')!.data, name).length).toBeGreaterThan(1000);
    const loaded = (object: ElfObject) =>
      object.sections
        .filter(({ flags, size }) => (flags & SHF_ALLOC) !== 0 && size > 0)
        .map((section) => ({
          name: section.name,
          bytes: section.data.toString('hex'),
          leadsTo: object
            .relocations(section)
            .map(({ offset, type, addend, symbol }) => [
              offset,
              type,
              addend,
              symbol.name || symbol.section?.name,
            ]),
        }));
    expect(loaded(typed)).toEqual(loaded(plain));
  });
});

describe('damage is refused or seen, and nothing else happens', () => {
  test.each(objects)('%s', (name) => {
    const file = readFileSync(preObject(name).sectioned);
    const { counts, slowest } = fuzzPair(file, file, 150, random(0x5eed));
    expect(slowest).toBeLessThan(30_000);
    expect(counts.get('bad-elf') ?? 0).toBeGreaterThan(5);
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(150);
  });
});

describe('without the compiler, every changed byte of code is seen', () => {
  test.each(objects)('%s', (name) => {
    const file = preObject(name).sectioned;
    const pre = read(file);
    const data = readFileSync(file);
    const code = pre.sections.filter(({ name }) => /^\.text\.(?!unlikely)./.test(name));
    expect(code.length).toBeGreaterThan(10);
    for (const section of code.filter((_, i) => i % 5 === 0)) {
      const at = Math.floor(section.size / 2);
      const byte = section.offset + at;
      if (isRelocated(pre, section, at)) continue;
      const saved = data[byte]!;
      data[byte] = saved ^ 0x10;
      const diff = diffObjects(pre, new ElfObject(data, name), name, tables);
      data[byte] = saved;
      expect(diff.functions.changed).toEqual([functionIn(pre, section, at)]);
    }
  });
});

test('layouts inferred from objects are those of the headers', () => {
  const inferred = inferTableSizes(built.map((object) => read(object.sectioned)));
  expect(inferred).toEqual(tables);
});

function isRelocated(object: ElfObject, section: Section, offset: number): boolean {
  return object
    .relocations(section)
    .some((relocation) => relocation.offset <= offset && offset < relocation.offset + 8);
}

function functionIn(object: ElfObject, section: Section, offset: number): string | undefined {
  const owner = object.symbols.find(
    (symbol) =>
      symbol.section === section &&
      symbol.type === 2 &&
      symbol.value <= offset &&
      offset < symbol.value + symbol.size,
  );
  return owner?.name.replace(/\.cold$/, '');
}
