// The position of a symbol among its namesakes decides which one new code
// gets. Two ways to find it, which know nothing of each other, must agree on
// every symbol of real objects: run-pre matching against the image, and the
// places of the other symbols in the object's section.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { UndoStack } from '../../src/create/invocation/undo-stack.js';
import { buildPreObjects } from '../../src/create/objects/pre-objects.js';
import { readBuildHeaders } from '../../src/create/tree/kbuild.js';
import { askTableSizes } from '../../src/create/tree/table-sizes.js';
import { openWorkspace, type Workspace } from '../../src/create/tree/workspace.js';
import { SHF_ALLOC, STT_FUNC, STT_OBJECT } from '../../src/elf/constants.js';
import { ElfObject, type ElfSymbol } from '../../src/elf/object.js';
import type { TableSizes } from '../../src/elf/tables.js';
import type { Resolution } from '../../src/extract/extraction.js';
import { createResolver } from '../../src/extract/resolver.js';
import { parseSymvers } from '../../src/extract/symvers.js';
import { openKernelImage } from '../../src/kernel/kernel-files.js';
import type { KernelFiles } from '../../src/kernel/kernel-in-files.js';
import { generateProgram } from '../../src/match/generate.js';
import { matchProgram } from '../../src/match/interpret.js';
import { testKernel } from '../kernels/kernel.js';

/** Whether the object has symbols whose namesakes come before it. */
const objects = [
  ['vmlinux', 'net/ipv4/tcp_ipv4.o', false],
  ['vmlinux', 'net/ipv6/tcp_ipv6.o', true],
  ['vmlinux', 'mm/filemap.o', false],
  ['sctp', 'net/sctp/input.o', true],
  ['sctp', 'net/sctp/sm_statefuns.o', false],
] as const;

/** Tables that are only read at boot, and what the compiler's own numbering makes: no code refers to it from outside. */
const leftOut =
  /^(\.init|\.exit|\.discard|\.modinfo|_ftrace_events|__syscalls_metadata|_ftrace_eval_map|_kprobe_blacklist|__param|__tracepoint_str)/;
const fresh = /^(__func__|__key|__already_done|__msg|_rs|CSWTCH|__print_once|__warned)(\.|$)/;

let image: KernelFiles;
let work: Workspace;
let tables: TableSizes;
let exports: ReturnType<typeof parseSymvers>;
let plain: Map<string, ElfObject>;
const undo = new UndoStack();

beforeAll(async () => {
  const kernel = await testKernel();
  const headers = readBuildHeaders(kernel.headers, kernel.release, []);
  const config = path.join(kernel.headers, '.config');
  image = await openKernelImage(kernel.image, silentUi, {
    release: kernel.release,
    modules: ['sctp'],
  });
  await image.prepare(['sctp']);
  const symvers = path.join(kernel.headers, 'Module.symvers');
  exports = parseSymvers(readFileSync(symvers, 'utf8'), symvers);
  work = await openWorkspace(kernel.source, config, headers, 2, undo, silentUi);
  tables = await askTableSizes(work, silentUi);
  const chosen = objects.map(([, name]) => ({ name, target: name }));
  const built = await buildPreObjects(work.kbuild, chosen, path.join(work.area, 'pre'), silentUi);
  plain = new Map(
    built.map(({ name, plain }) => [name, new ElfObject(readFileSync(plain), name)] as const),
  );
});

afterAll(() => {
  expect(undo.unwind()).toEqual([]);
});

function isAsked({ name, type, section }: ElfSymbol): boolean {
  if (!section || !(section.flags & SHF_ALLOC) || leftOut.test(section.name)) return false;
  return (type === STT_FUNC || type === STT_OBJECT) && !fresh.test(name);
}

describe.each(objects)('%s: %s', (target, label, hasNamesakes) => {
  test('matching and the symbol map agree on every position', async () => {
    const object = plain.get(label)!;
    const symbols = image.symbols;
    const module = target === 'vmlinux' ? undefined : await image.moduleFile(target);
    const names = new Set(symbols.map((symbol) => symbol.name));
    const generated = generateProgram({
      objects: [{ object, label, replaced: new Set() }],
      target,
      hasKallsyms: (name) => names.has(name) || image.kernel.lookup(name).length > 0,
      tables,
      cookie: 1n,
    });
    const match = matchProgram(generated.program, target, image.kernel);
    expect(match.mismatches).toEqual([]);
    const runAddress = (_: string, name: string) => {
      const place = generated.keyOf(label, name);
      const value = place && match.values[place.key];
      return value === undefined ? undefined : value + BigInt(place!.offset);
    };
    const known = { target, exports, symbols, module, pre: new Map([[label, object]]) };
    const byMap = createResolver(known);
    const byMatch = createResolver({ ...known, runAddress });
    const asked = object.symbols.filter(isAsked);
    const ambiguous: string[] = [];
    let namesakes = 0;
    for (const symbol of asked) {
      const matched: Resolution = byMatch.own(label, symbol);
      expect(matched, symbol.name).toMatchObject({
        kind: expect.stringMatching(/^(klp|exported)$/),
      });
      const mapped = byMap.own(label, symbol);
      if (mapped.kind === 'unresolved') ambiguous.push(symbol.name);
      else expect(mapped, symbol.name).toEqual(matched);
      if (matched.kind === 'klp' && matched.position > 1) namesakes++;
    }
    expect(asked.length).toBeGreaterThan(30);
    if (hasNamesakes) expect(namesakes).toBeGreaterThan(0);
    // Alone in its section, or beside namesakes only: a few variables.
    expect(ambiguous.length).toBeLessThan(asked.length / 10);
  });
});
