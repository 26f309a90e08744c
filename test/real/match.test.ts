// Objects of the kernel's source, built as the distribution built them, against
// its image: every function has to match. Then the same source compiled
// differently: exactly the functions whose code is different must not.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { relocationShape } from '../../src/arch/relocations.js';
import { runTool } from '../../src/base/tool.js';
import { silentUi } from '../../src/base/ui.js';
import { UndoStack } from '../../src/create/invocation/undo-stack.js';
import { parseCmdFile } from '../../src/create/tree/cmd-file.js';
import { make, readBuildHeaders } from '../../src/create/tree/kbuild.js';
import { askTableSizes } from '../../src/create/tree/table-sizes.js';
import { openWorkspace, type Workspace } from '../../src/create/tree/workspace.js';
import { STT_FUNC } from '../../src/elf/constants.js';
import { ElfObject } from '../../src/elf/object.js';
import type { TableSizes } from '../../src/elf/tables.js';
import { openKernelImage } from '../../src/kernel/kernel-files.js';
import type { KernelFiles } from '../../src/kernel/kernel-in-files.js';
import { type Generated, generateProgram } from '../../src/match/generate.js';
import { matchProgram } from '../../src/match/interpret.js';
import { decodeProgram } from '../../src/program/decode.js';
import { encodeProgram } from '../../src/program/encode.js';
import { testKernel } from '../kernels/kernel.js';

/** Assembly and C, with every kind of patch site; files that have been there for many years. */
const objects: Record<string, readonly string[]> = {
  vmlinux: [
    'arch/x86/entry/common.o',
    'arch/x86/entry/entry_64.o',
    'arch/x86/kernel/cpu/bugs.o',
    'arch/x86/kernel/ftrace_64.o',
    'arch/x86/kernel/paravirt.o',
    'arch/x86/kernel/process_64.o',
    'arch/x86/lib/memcpy_64.o',
    'arch/x86/lib/retpoline.o',
    'block/blk-core.o',
    'drivers/tty/tty_io.o',
    'fs/exec.o',
    'fs/proc/base.o',
    'kernel/fork.o',
    'kernel/static_call.o',
    'kernel/time/timer.o',
    'lib/vsprintf.o',
    'mm/memory.o',
    'net/core/filter.o',
    'net/ipv4/tcp_ipv4.o',
    'security/commoncap.o',
  ],
  sctp: ['net/sctp/input.o', 'net/sctp/sm_statefuns.o', 'net/sctp/socket.o'],
};

let image: KernelFiles;
let work: Workspace;
let tables: TableSizes;
const undo = new UndoStack();

beforeAll(async () => {
  const kernel = await testKernel();
  const headers = readBuildHeaders(kernel.headers, kernel.release, []);
  const config = path.join(kernel.headers, '.config');
  const modules = Object.keys(objects).filter((target) => target !== 'vmlinux');
  image = await openKernelImage(kernel.image, silentUi, { release: kernel.release, modules });
  await image.prepare(modules);
  work = await openWorkspace(kernel.source, config, headers, 2, undo, silentUi);
  tables = await askTableSizes(work, silentUi);
  const targets = Object.values(objects).flat();
  // kbuild reaches arch/x86 on two ways; not at the same time.
  for (const arch of [true, false]) {
    const some = targets.filter((target) => target.startsWith('arch/') === arch);
    const words = ['KCFLAGS=-g0', 'KAFLAGS=-g0', ...some];
    const kbuild = { ...work.kbuild, jobs: arch ? 1 : work.kbuild.jobs };
    const { status, output } = await make(kbuild, words, silentUi);
    expect(status, output).toBe(0);
  }
});
afterAll(() => work?.close());

const read = (file: string) => new ElfObject(readFileSync(file), file);

function generate(target: string, label: string, object: ElfObject): Generated {
  return generateProgram({
    objects: [{ object, label, replaced: new Set() }],
    target,
    hasKallsyms: (name) => image.kernel.lookup(name).length > 0,
    tables,
    cookie: 1n,
  });
}

describe.each(Object.entries(objects))('objects of %s', (target, names) => {
  it.each(names)('%s is in the image, function by function', (label) => {
    const object = read(path.join(work.kbuild.objects, label));
    const { program, spanOf } = generate(target, label, object);
    const stored = decodeProgram(encodeProgram(program), label);
    const result = matchProgram(stored, target, image.kernel);
    expect(result.mismatches).toEqual([]);
    const functions = program.spans.filter((span) => span.name !== '');
    expect(functions.length).toBeGreaterThan(0);
    for (const { name, weak } of functions) {
      const address = result.addresses[spanOf(label, name)!];
      if (!weak) expect(address, name).toBeDefined();
      if (address) expect(image.kernel.lookup(name, target)).toContain(address);
    }
    expect(result.unverified).toBe(0);
  });
});

describe('the same source, compiled without sibling calls', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['vmlinux', 'kernel/time/timer.o'],
    ['vmlinux', 'net/ipv4/tcp_ipv4.o'],
    ['sctp', 'net/sctp/input.o'],
  ])('%s %s differs exactly where its code does', async (target, name) => {
    const plain = path.join(work.kbuild.objects, name);
    const other = path.join(folder, path.basename(name));
    await compileAgain(name, other, '-fno-optimize-sibling-calls');
    const [asBuilt, differently] = [functionsOf(read(plain)), functionsOf(read(other))];
    const { program, spanOf } = generate(target, name, read(other));
    // Of a name that there is several times, what differs may be another's.
    const sole = (name: string) => image.kernel.lookup(name, target).length === 1;
    const matched = [...differently.keys()].filter((one) => spanOf(name, one) !== undefined);
    const changed = matched.filter((one) => sole(one) && differently.get(one) !== asBuilt.get(one));
    const { ok, mismatches } = matchProgram(program, target, image.kernel);
    expect(ok).toBe(false);
    // Those that come after one of another length are at other places: that follows.
    const named = mismatches.filter(({ cause }) => cause === 'differs');
    const functions = named
      .map(({ span }) => span)
      .filter((span) => differently.has(span) && sole(span));
    expect(functions.sort()).toEqual(changed.sort());
    expect(changed.length).toBeGreaterThan(3);
    expect(changed.length).toBeLessThan(differently.size);
  });
});

/** Repeats the commands that made an object, with one more flag. */
async function compileAgain(name: string, output: string, flag: string): Promise<void> {
  const cmdFile = path.join(work.kbuild.objects, path.dirname(name), `.${path.basename(name)}.cmd`);
  const { commands } = parseCmdFile(readFileSync(cmdFile, 'utf8'), cmdFile);
  for (const [index, [program = '', ...words]] of commands.entries()) {
    const kept = words
      .filter((word) => !word.startsWith('-Wp,-M'))
      .map((word) => (word === name ? output : word));
    const args = index === 0 ? [flag, ...kept] : kept;
    const result = await runTool(program, args, {
      cwd: work.kbuild.objects,
      signal: silentUi.signal,
    });
    expect(result.status, result.output).toBe(0);
  }
}

/** Code with numbers that the linker writes left out, but the names that they are about. */
function functionsOf(object: ElfObject): Map<string, string> {
  const functions = new Map<string, string>();
  for (const { name, type, size, section, value } of object.symbols) {
    if (type !== STT_FUNC || size === 0 || !section) continue;
    const bytes = Buffer.from(section.data.subarray(value, value + size));
    const names: string[] = [];
    for (const { offset, type, symbol } of object.relocations(section)) {
      const at = offset - value;
      if (at < 0 || at >= size) continue;
      bytes.fill(0, at, at + relocationShape(type)!.width);
      if (!symbol.section) names.push(`${at} ${symbol.name}`);
    }
    functions.set(name, `${bytes.toString('hex')} ${names.join()}`);
  }
  return functions;
}
