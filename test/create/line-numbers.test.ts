import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keepLineNumbers } from '../../src/create/line-numbers.js';

// Each function returns its line number; the preprocessor is the judge.
const line = (name: string) => `int ${name}(void)\n{\n\treturn __LINE__;\n}\n\n`;
const source = (names: string) => [...names].map(line).join('');

function numbers(text: string): Record<string, number> {
  const directory = mkdtempSync(join(tmpdir(), 'ksplice-lines-'));
  try {
    writeFileSync(join(directory, 'x.c'), text);
    const out = execFileSync('gcc', ['-E', '-P', 'x.c'], { cwd: directory, encoding: 'utf8' });
    const found = out.matchAll(/int (\w)\(void\)\s*\{[^}]*return (\d+);\s*\}/g);
    return Object.fromEntries([...found].map(([, name, number]) => [name, Number(number)]));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const before = source('abcdef');
const old = numbers(before);

describe('keepLineNumbers', () => {
  it.each([
    ['a line more', before.replace('int b(void)\n{\n', 'int b(void)\n{\n\tx();\n'), 'acdef'],
    ['two lines less', before.replace('int b(void)\n{\n\treturn __LINE__;\n', ''), 'acdef'],
    ['a new function', before.replace(line('c'), `${line('z')}${line('c')}`), 'abcdef'],
    ['a function less', before.replace(line('c'), ''), 'abdef'],
    ['lines at the top', `#define X\n\n${before}`, 'bcdef'],
    [
      'several changes',
      before
        .replace('int b(void)\n{\n', 'int b(void)\n{\n\tx();\n')
        .replace('int d(void)\n{\n', 'int d(void)\n{\n\ty();\n\tz();\n')
        .replace('int e(void)\n', 'int e(void) '),
      'acf',
    ],
    ['a change at the end', `${before}int g;\n`, 'abcdef'],
  ])('after %s', (_, after, kept) => {
    const now = numbers(keepLineNumbers('x.c', before, after));
    for (const name of kept) expect([name, now[name]]).toEqual([name, old[name]]);
  });

  it('leaves alone what has not moved, and assembly', () => {
    const sameLength = before.replace('int b', 'int B');
    expect(keepLineNumbers('x.c', before, sameLength)).toBe(sameLength);
    expect(keepLineNumbers('x.S', before, `\n${before}`)).toBe(`\n${before}`);
  });

  it('never stands inside a macro', () => {
    const macro = '#define M(x) \\\nstruct { \\\n\tint x; \\\n} \\\n\n';
    const after = keepLineNumbers('x.c', macro + before, `int n;\n${macro}${before}`);
    expect(after.startsWith(`int n;\n${macro}`)).toBe(true);
    expect(numbers(after).c).toBe(numbers(macro + before).c);
  });
});
