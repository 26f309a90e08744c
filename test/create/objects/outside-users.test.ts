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
  'kernel/trap.c': 'int handle_trap(int);\n',
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

  test('may have the name of another one', async () => {
    expect(await users(before.replace('handle_late(int a)', 'handle_late(long a)'))).toEqual([]);
  });
});

test('a statement is no head', async () => {
  expect(await users(before.replace('return number', 'return number + handle_page(1, 2)'))).toEqual(
    [],
  );
});
