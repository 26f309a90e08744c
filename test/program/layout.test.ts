// kmodsrc/program.h is the definition of the format; layout.ts must say the same.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ElfObject } from '../../src/elf/object.js';
import * as L from '../../src/program/layout.js';

const root = new URL('../..', import.meta.url).pathname;
let dir: string;
/** What the compiler says, by C expression. */
let numbers: Map<string, number>;

const expected: Record<string, number> = {
  KSPLICE_PROGRAM_MAGIC: L.MAGIC,
  KSPLICE_PROGRAM_VERSION: L.VERSION,
  KSPLICE_KEY_KALLSYMS: L.KEY_KALLSYMS,
  KSPLICE_KEY_WEAK: L.KEY_WEAK,
  KSPLICE_KEY_GROUP: L.KEY_GROUP,
  KSPLICE_SPAN_SEARCH: L.SPAN_SEARCH,
  KSPLICE_SPAN_WEAK: L.SPAN_WEAK,
  KSPLICE_SPAN_REPLACED: L.SPAN_REPLACED,
  KSPLICE_FIELD_PCREL: L.FIELD_PCREL,
  KSPLICE_FIELD_SIGNED: L.FIELD_SIGNED,
  KSPLICE_FIELD_FREE: L.FIELD_FREE,
  'sizeof(struct ksplice_program)': L.HEADER.size,
  'sizeof(struct ksplice_table)': 8,
  'sizeof(struct ksplice_key)': L.TABLES.keys.record,
  'sizeof(struct ksplice_span)': L.TABLES.spans.record,
  'sizeof(struct ksplice_item)': L.TABLES.items.record,
  'sizeof(struct ksplice_variant)': L.TABLES.variants.record,
  'sizeof(struct ksplice_field)': L.TABLES.fields.record,
  'offsetof(struct ksplice_table, count)': 4,
  'offsetof(struct ksplice_program, size)': L.HEADER.bytes,
  ...offsets('ksplice_program', {
    magic: L.HEADER.magic,
    version: L.HEADER.version,
    cookie: L.HEADER.cookie,
    ...Object.fromEntries(L.TABLE_NAMES.map((name) => [name, L.TABLES[name].at])),
  }),
  ...offsets('ksplice_key', L.KEY),
  ...offsets('ksplice_span', L.SPAN),
  ...offsets('ksplice_item', L.ITEM),
  ...offsets('ksplice_variant', L.VARIANT),
  ...offsets('ksplice_field', L.FIELD),
};

function offsets(struct: string, members: Record<string, number>): Record<string, number> {
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(
    Object.entries(members).map(([name, at]) => [`offsetof(struct ${struct}, ${snake(name)})`, at]),
  );
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ksplice-layout-'));
  const rows = Object.keys(expected);
  writeFileSync(
    join(dir, 'layout.c'),
    `#include <stddef.h>
#include "${root}kmodsrc/program.h"
unsigned long long numbers[] = {\n${rows.map((row) => `  ${row},`).join('\n')}\n};\n`,
  );
  execFileSync('gcc', ['-Wall', '-Werror', '-c', 'layout.c', '-o', 'layout.o'], { cwd: dir });
  const object = new ElfObject(readFileSync(join(dir, 'layout.o')), 'layout.o');
  const data = object.section('.data')!.data;
  numbers = new Map(rows.map((row, index) => [row, Number(data.readBigUInt64LE(index * 8))]));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('layout.ts', () => {
  it.each(Object.entries(expected))('%s', (expression, value) => {
    expect(numbers.get(expression)).toBe(value);
  });

  it('knows every member of every record', () => {
    const text = readFileSync(`${root}kmodsrc/program.h`, 'utf8');
    const header = text.replace(/\/\*.*?\*\//gs, '');
    for (const [, struct, body] of header.matchAll(/struct (\w+) \{([^}]*)\};/g)) {
      for (const [, member] of body!.matchAll(/(\w+);/g)) {
        if (member === 'reserved' || struct === 'ksplice_table') continue;
        expect(expected).toHaveProperty([`offsetof(struct ${struct}, ${member})`]);
      }
    }
  });
});
