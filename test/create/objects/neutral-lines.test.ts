import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { neutralLines } from '../../../src/create/objects/neutral-lines.js';
import { withFiles } from '../../support/files.js';

/** What the compiler thinks of a source: the numbers that MARK(name) has. */
function numbers(source: string): Record<string, number> {
  const text = withFiles({ 'a.c': Buffer.from(source) }, (folder) =>
    execFileSync('gcc', ['-E', '-P', '-DMARK(x)=<x:__LINE__>', 'a.c'], {
      cwd: folder,
      encoding: 'utf8',
    }),
  );
  const found = text.matchAll(/<\s*(\w+)\s*:\s*(\d+)\s*>/g);
  return Object.fromEntries([...found].map(([, name, line]) => [name, Number(line)]));
}

const before = [
  '/* top */',
  'MARK(one)',
  'call(MARK(two),',
  '     3);',
  '#define LONG \\',
  '	MARK(three) \\',
  '	MARK(four)',
  '/* a comment',
  '   that goes on */',
  'LONG',
  'MARK(five)',
  '}',
  'MARK(six)',
  '',
].join('\n');

/** `before` with lines put in before the line `at` (from 1), and `count` lines there taken out. */
function edit(at: number, count: number, ...lines: string[]): string {
  const all = before.split('\n');
  all.splice(at - 1, count, ...lines);
  return all.join('\n');
}

describe('old lines keep their numbers', () => {
  test.each([
    ['lines added at the top', edit(1, 0, '// new', '// new too')],
    ['a line removed', edit(1, 1)],
    ['lines added and removed at two places', edit(1, 1, 'a', 'b', 'c').replace('}\n', '}\nx\n')],
    ['an unclosed parenthesis of an #ifdef before', edit(1, 0, '#ifdef A', 'f(', '#endif', '}')],
    ['quotes that open nothing', edit(1, 0, `char c = '"', d = '(', *s = "/*(";`)],
  ])('%s', (_what, after) => {
    expect(numbers(after)).not.toEqual(numbers(before));
    expect(numbers(neutralLines(before, after))).toEqual(numbers(before));
  });
});

test('no directive where it would break something', () => {
  // Added inside of the call, the macro and the comment: the first safe line after each.
  const inCall = neutralLines(before, edit(4, 0, '     2,'));
  expect(inCall).toContain('     2,\n     3);\n#line 5\n#define LONG');
  const inMacro = neutralLines(before, edit(6, 0, '	MARK(more) \\'));
  expect(inMacro).toContain('	MARK(four)\n#line 8\n/* a comment');
  const inComment = neutralLines(before, edit(9, 0, '   and on'));
  expect(inComment).toContain('   that goes on */\n#line 10\nLONG');
});

test('an unchanged text, or one changed within lines, gets no directive', () => {
  expect(neutralLines(before, before)).toBe(before);
  const after = before.replace('MARK(one)', 'MARK(eins)');
  expect(neutralLines(before, after)).toBe(after);
});

test('text at the end needs no directive', () => {
  expect(neutralLines(before, `${before}MARK(seven)\n`)).not.toContain('#line');
});

test('lines of an update below keep the numbers that it was compiled with', () => {
  const one = ['MARK(a)', 'MARK(b)', 'MARK(c)', ''];
  const two = ['MARK(a)', 'MARK(x)', 'MARK(y)', 'MARK(b)', 'MARK(c)', ''];
  const three = ['MARK(top)', 'MARK(a)', 'MARK(x)', 'MARK(new)', 'MARK(y)', 'MARK(c)', ''];
  const text = (lines: string[]) => lines.join('\n');
  const { b: _, ...below } = numbers(neutralLines(text(one), text(two)));
  const now = numbers(neutralLines(text(one), text(two), text(three)));
  expect(now).toMatchObject(below);
  expect(Object.keys(now).sort()).toEqual(['a', 'c', 'new', 'top', 'x', 'y']);
});
