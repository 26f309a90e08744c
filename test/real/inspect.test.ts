// The examples' updates, made here, as `inspect` shows them. What the compiler
// made is known from elsewhere: from objdump, and from the object itself.

import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { main } from '../../src/cli/main.js';
import { configure } from '../../src/configure/configure.js';
import { UndoStack } from '../../src/create/invocation/undo-stack.js';
import { createUpdate } from '../../src/create/pipeline.js';
import { readBuildHeaders } from '../../src/create/tree/kbuild.js';
import { openWorkspace } from '../../src/create/tree/workspace.js';
import { testCache, testKernel } from '../kernels/kernel.js';

const kernel = await testKernel();
const examples = path.resolve(import.meta.dirname, '../../docs/examples');
const EXAMPLES = [
  { name: 'sctp', target: 'sctp', object: 'net/sctp/input.o', changed: 'sctp_rcv' },
  { name: 'tcp', target: 'vmlinux', object: 'net/ipv4/tcp_ipv4.o', changed: 'tcp_v4_rcv' },
];
const HOSTILE = '<script>alert(1)</script>';

let folder: string;
const updates = new Map<string, string>();

beforeAll(async () => {
  mkdirSync(testCache(), { recursive: true });
  folder = mkdtempSync(path.join(testCache(), 'inspect-'));
  const confdir = path.join(folder, 'conf');
  const { release, source, image } = kernel;
  await configure({ confdir, release, source, image }, silentUi);
  for (const { name, object } of EXAMPLES) {
    const patch = path.join(examples, `${name}.patch`);
    const options = { patch, confdir, jobs: 2, id: `${name}inspect`, output: folder };
    const { file } = await createUpdate({ ...options, description: HOSTILE }, silentUi);
    updates.set(name, file);
    await keepPlainObject(object);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The object that the match program was made from lies in the work tree until the next update. */
async function keepPlainObject(object: string): Promise<void> {
  const headers = readBuildHeaders(kernel.headers, kernel.release, []);
  const config = path.join(kernel.headers, '.config');
  const undo = new UndoStack();
  const work = await openWorkspace(kernel.source, config, headers, 2, undo, silentUi);
  try {
    copyFileSync(path.join(work.kbuild.objects, object), plainOf(object));
  } finally {
    await work.close();
  }
}

const plainOf = (object: string) => path.join(folder, object.replaceAll('/', '-'));

async function run(argv: readonly string[]) {
  const text = { out: '', err: '' };
  const stdout = { write: (part: string) => (text.out += part) };
  const stderr = { write: (part: string) => (text.err += part) };
  const status = await main(['inspect', ...argv], { stdout, stderr }, {});
  return { status, ...text };
}

async function json(argv: readonly string[]) {
  const { status, out } = await run([...argv, '--json']);
  expect(status, out).toBe(0);
  return JSON.parse(out);
}

/** Offset in the function and mnemonic of every instruction, as binutils sees them. */
function objdump(object: string, name: string): [number, string][] {
  const lines = execFileSync('objdump', ['-d', '--no-show-raw-insn', '-w', object], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  }).split('\n');
  const start = lines.findIndex((line) => line.endsWith(`<${name}>:`));
  expect(start).toBeGreaterThan(0);
  const base = Number.parseInt(lines[start]!, 16);
  const end = lines.indexOf('', start);
  return lines.slice(start + 1, end < 0 ? undefined : end).map((line) => {
    const [, at, text] = /^\s*([0-9a-f]+):\s+(.*)$/.exec(line)!;
    return [Number.parseInt(at!, 16) - base, mnemonic(text!)];
  });
}

/** Without prefixes, which binutils and iced write in different places, and without a size letter. */
function mnemonic(text: string): string {
  const words = text
    .split(/\s+/)
    .filter((word) => !/^(lock|rep[nz]?|data16|notrack|[c-gs]s|bnd)$/.test(word));
  return words[0]!
    .replace(/^(nop|xchg).*/, 'nop')
    .replace(/^(?!movs|movz|call|shl|sal|rol|mul|imul|sub)(\w{2,})[bwlq]$/, '$1');
}

interface Side {
  readonly offset: number;
  readonly text: string;
  readonly note: string | null;
}
interface ListedRow {
  readonly kind: string;
  readonly old: Side | null;
  readonly new: Side | null;
}

describe.each(EXAMPLES)('the update for $name', ({ name, target, object, changed }) => {
  test('replaces the function, with its sizes', async () => {
    const shown = await json([updates.get(name)!]);
    const [only] = shown.targets;
    expect(shown.targets).toHaveLength(1);
    expect(only).toMatchObject({ target, objects: [object] });
    const [first] = only.parts;
    const end = objdump(plainOf(object), changed).at(-1)![0];
    expect(first).toMatchObject({ kind: 'function', name: changed, object });
    // The function ends with the instruction before the padding.
    expect(first.oldSize).toBeGreaterThan(end - 16);
    expect(only.tables.map((table: { name: string }) => table.name)).toEqual(
      expect.arrayContaining(['__bug_table', '__jump_table', '__mcount_loc', '.return_sites']),
    );
    expect(only.symbols).toContainEqual(
      expect.objectContaining({
        name: '__fentry__',
        how: 'exported',
        version: expect.stringMatching(/^0x[0-9a-f]{8}$/),
      }),
    );
    expect(
      only.symbols.filter(
        (one: { how: string; compared: boolean }) => one.how === 'position' && one.compared,
      ),
    ).not.toEqual([]);
  });

  test('has the old instructions that objdump sees in the object', async () => {
    const shown = await json([updates.get(name)!, '--function', changed]);
    const listed = shown.functions[0];
    const old = (listed.rows as ListedRow[]).flatMap((row) => row.old ?? []);
    const expected = objdump(plainOf(object), changed).filter(
      ([offset]) => offset < listed.oldSize,
    );
    expect(old.map(({ offset, text }) => [offset, mnemonic(text)])).toEqual(expected);
    const labels = old.filter(({ note }) => note?.startsWith('jump label'));
    expect(labels.length).toBeGreaterThan(0);
    for (const { note } of labels) expect(note).toMatch(/^jump label, to \+0x[0-9a-f]+$/);
    // Every call is to a name.
    const calls = old.filter(({ text }) => text.startsWith('call '));
    expect(calls.length).toBeGreaterThan(10);
    expect(calls.filter(({ text }) => /^call (0x|\+|\S+\.o )/.test(text))).toEqual([]);
  });

  test('is shown as one page without anything from elsewhere', async () => {
    const file = path.join(folder, `${name}.html`);
    expect(await run([updates.get(name)!, '--html', file])).toMatchObject({ status: 0 });
    const page = readFileSync(file, 'utf8');
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toMatch(/<script|https?:|<link|<img|url\(/);
    expect(page).toContain(`<code class="name">${changed}</code>`);
    expect(readdirSync(folder).filter((one) => one.includes('.part'))).toEqual([]);
  });
});

test('the patch to sctp_rcv() is what differs', async () => {
  const { functions } = await json([updates.get('sctp')!, '--function', 'sctp_rcv']);
  const rows = functions[0].rows as ListedRow[];
  const kinds = (kind: string) => rows.filter((row) => row.kind === kind).length;
  // A comparison and a jump were added; most of the function has only moved.
  expect(kinds('same')).toBeGreaterThan(rows.length * 0.8);
  expect(kinds('added') + kinds('changed')).toBeGreaterThan(0);
});

test('a function that is not changed is refused with those that are', async () => {
  const { status, err, out } = await run([updates.get('sctp')!, '--function', 'sctp_init']);
  expect({ status, out }).toEqual({ status: 2, out: '' });
  expect(err).toContain('does not change sctp_init');
  expect(err).toContain('It changes sctp_rcv');
});

test('a page that cannot be written leaves nothing behind', async () => {
  const before = readdirSync(folder);
  const { status, err } = await run([updates.get('sctp')!, '--html', folder]);
  expect(status).toBe(1);
  expect(err).toContain(`cannot write ${folder}`);
  expect(readdirSync(folder)).toEqual(before);
  const missing = path.join(folder, 'no/such/page.html');
  expect((await run([updates.get('sctp')!, '--html', missing])).status).toBe(1);
  expect(existsSync(missing)).toBe(false);
  const older = path.join(folder, 'older.html');
  writeFileSync(older, 'old');
  expect((await run([updates.get('sctp')!, '--html', older])).status).toBe(0);
  expect(readFileSync(older, 'utf8')).toMatch(/^<!DOCTYPE html>/);
});

test('--patch shows the source patch as it was given', async () => {
  const { out } = await run([updates.get('sctp')!, '--patch']);
  expect(out).toBe(readFileSync(path.join(examples, 'sctp.patch'), 'utf8'));
});
