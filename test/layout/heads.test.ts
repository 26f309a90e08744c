// Which functions have another head after a patch.

import { expect, test } from 'vitest';
import { changedHeads } from '../../src/layout/heads.js';

const FILE = `int first(int a);
static int own(int a)
{
	return a;
}

int first(int a)
{
	return own(a);
}

void *second(int (*call)(long), char *name)
{
	return call(1) ? name : NULL;
}
`;
const changed = (from: string, to: string) => changedHeads(FILE, FILE.replaceAll(from, to));

test.each([
  ['first(int a)', 'first(long a)', ['first']],
  ['char *name', 'const char *name', ['second']],
  ['(*call)(long)', '(*call)(int)', ['second']],
  ['void *second', 'int *second', ['second']],
  ['static int own(int a)', 'static int own(long a)', []],
  ['static int own(int a)', 'int own(long a)', ['own']],
  ['return own(a)', 'return own(a + 1)', []],
  ['\nint first(int a)\n', '\nstatic int more(int x)\n{\n\treturn x;\n}\n\nint first(int a)\n', []],
])('%s → %s', (from, to, names) => {
  expect(changed(from, to)).toEqual(names);
});

test('words of the language are no names, where statements cannot be told from declarations', () => {
  const unbalanced = (value: string) => `#ifdef A
int f(int a) {
#else
int f(long a) {
#endif
	if (a > ${value})
		return (a + ${value});
	return g(${value});
}
`;
  expect(changedHeads(unbalanced('1'), unbalanced('2'))).toEqual(['g']);
});
