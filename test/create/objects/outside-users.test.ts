// Who calls functions whose heads a patch changes, and is not compiled for the update.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findOutsideUsers } from '../../../src/create/objects/outside-users.js';

const TREE = {
  'arch/x86/entry/entry.S': '# handle_trap is called\n\tmovq %rsp, %rdi\n\tcall\thandle_trap\n',
  'arch/arm/entry.S': '\tbl handle_page\n',
  'kernel/declares.c':
    'int handle_page(int number, long code);\nint use(void) { return handle_page(1, 2); }\n',
  'kernel/own.c': 'static int handle_late(int a);\nint g(void) { return handle_late(1); }\n',
  'kernel/trap.c':
    'int handle_trap(int);\n\nBTF_KFUNCS_START(set)\nBTF_ID_FLAGS(func, handle_bpf, KF_RET_NULL)\n' +
    'BTF_ID(func, handle_lsm)\nBTF_ID_FLAGS(func, handle_static)\nBTF_ID(struct, handle_type)\nBTF_KFUNCS_END(set)\n',
};
const before = `int handle_trap(int number)
{
	return number;
}
EXPORT_SYMBOL(handle_trap);

int handle_page(int number, long code)
{
	return number;
}

int handle_late(int a)
{
	return a;
}

__bpf_kfunc int handle_bpf(int a, long b)
{
	return a;
}

int handle_lsm(int a)
{
	return a;
}

__bpf_kfunc static int handle_static(int a)
{
	return a;
}

int handle_type(int a)
{
	return a;
}
`;
let tree = '';

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'ksplice-ts-test-'));
  for (const [path, text] of Object.entries(TREE)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
});
afterAll(() => rmSync(tree, { recursive: true }));

async function users(after: string, sources = ['kernel/trap.c']) {
  const file = { path: 'kernel/trap.c', kind: 'source', before, after } as const;
  const objects = sources.map((source) => ({
    made: { source: `../${source}`, commands: [], dependencies: [] },
  }));
  const place = { tree, objects: join(tree, 'objects') };
  const { signal } = new AbortController();
  return [...(await findOutsideUsers([file], objects, place, { signal }))];
}

describe('a function whose head changes', () => {
  test('may be called by assembly', async () => {
    const after = before.replace('handle_trap(int number)', 'handle_trap(long number)');
    expect(await users(after)).toEqual([['handle_trap', 'arch/x86/entry/entry.S:3']]);
  });

  test('may be declared by a file that is not compiled', async () => {
    const after = before.replace('int number, long code', 'long code, int number');
    expect(await users(after)).toEqual([['handle_page', 'kernel/declares.c:1']]);
    expect(await users(after, ['kernel/trap.c', 'kernel/declares.c'])).toEqual([]);
  });

  test('may be called by BPF programs, which go by the prototype in the BTF', async () => {
    const after = before.replace('int a, long b', 'int a, long more, long b');
    const who = 'a BPF program that knows it from kernel/trap.c:4';
    expect(await users(after)).toEqual([['handle_bpf', who]]);
    expect(await users(before.replace('handle_lsm(int a)', 'handle_lsm(long a)'))).toEqual([
      ['handle_lsm', who.replace(':4', ':5')],
    ]);
    expect(await users(before.replace('handle_static(int a)', 'handle_static(long a)'))).toEqual([
      ['handle_static', who.replace(':4', ':6')],
    ]);
    expect(await users(before.replace('handle_type(int a)', 'handle_type(long a)'))).toEqual([]);
  });

  test('may have the name of another one', async () => {
    expect(await users(before.replace('handle_late(int a)', 'handle_late(long a)'))).toEqual([]);
  });
});

test('a statement is no head', async () => {
  expect(await users(before.replace('return number', 'return number + handle_page(1, 2)'))).toEqual(
    [],
  );
});
