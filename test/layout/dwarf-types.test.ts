// Types by debugging information are those of BTF, and clang's objects have no others.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BtfType } from '../../src/btf/types.js';
import { readDwarf } from '../../src/dwarf/read.js';
import { ElfObject } from '../../src/elf/object.js';
import { compareTypes } from '../../src/layout/changes.js';
import { typesOf } from '../../src/layout/dwarf-types.js';
import { judgeLayout } from '../../src/layout/guard.js';
import { ROOT } from '../support/scratch.js';
import { compile, compileBytes } from './compile.js';

const TEXT = `
enum level { LOWEST = -1, LOW, HIGH = 127 };
typedef struct { char c; } nameless;
struct later;
union word { long all; struct { int low, high; }; };
struct item {
  struct item *next; unsigned kind : 3, flags : 5; enum level level; int grid[2][3];
  const volatile nameless *where; struct later *later; union word word; _Bool is; float f;
  int (*visit)(struct item *item, ...); char name[];
};
struct item *items;
static enum { ONE, TWO } state;
int first(enum level level) { struct inside { int x; } a = { level }; state = items->kind; return items->visit(items, a.x) + state; }`;

/** The same object without its .BTF section, as far as the reader knows. */
function withoutBtf(bytes: Buffer): ElfObject {
  const copy = Buffer.from(bytes);
  for (let at = copy.indexOf('.BTF\0'); at >= 0; at = copy.indexOf('.BTF\0', at + 1)) {
    copy.write('.btf', at, 'latin1');
  }
  return new ElfObject(copy, 'a.o');
}

const named = (types: readonly BtfType[]) =>
  types.flatMap((type) => ('name' in type && type.name ? `${type.kind} ${type.name}` : [])).sort();

describe('types by debugging information', () => {
  it('are those of BTF', () => {
    const [btf, dwarf] = [typesOf(compile(TEXT)), typesOf(withoutBtf(compileBytes(TEXT)))];
    expect(compileBytes(TEXT).includes('.BTF')).toBe(true);
    expect(compareTypes(btf, dwarf).changes).toEqual([]);
    expect(compareTypes(dwarf, btf).changes).toEqual([]);
    const functions = /^(function|prototype) /;
    const both = [btf, dwarf].map((types) => named(types).filter((name) => !functions.test(name)));
    expect([...new Set(both[1])]).toEqual([...new Set(both[0])]);
    expect(both[1]).not.toContain('struct inside');
  });

  it('differ where the text does', () => {
    const other = TEXT.replace('kind : 3', 'kind : 4').replace('LOWEST = -1', 'LOWEST = -2');
    const [pre, post] = [TEXT, other].map((text) => typesOf(withoutBtf(compileBytes(text))));
    const names = compareTypes(pre!, post!).changes.map(({ name }) => name);
    expect(names.sort()).toEqual(['enum level', 'struct item']);
  });
});

describe('types of clang’s objects', () => {
  const [pre, post] = ['pre', 'post'].map((state) => {
    const file = join(ROOT, `test/fixtures/clang/types.${state}.o`);
    return new ElfObject(readFileSync(file), file);
  }) as [ElfObject, ElfObject];

  it('have bit-fields, signs and rows at their places', () => {
    const types = typesOf(pre);
    const item = types.find((type) => type.kind === 'struct' && type.name === 'item');
    expect(item).toMatchObject({
      size: 48,
      members: [
        { name: 'next', offset: 0 },
        { name: 'kind', offset: 64, width: 3 },
        { name: 'flags', offset: 67, width: 5 },
        { name: 'level', offset: 96 },
        { name: 'grid', offset: 128 },
        { name: 'visit', offset: 320 },
        { name: 'name', offset: 384 },
      ],
    });
    expect(types.find((type) => type.kind === 'enum')).toMatchObject({
      enumerators: [
        { name: 'LOWEST', value: -1n },
        { name: 'LOW', value: 0n },
        { name: 'HIGH', value: 127n },
      ],
    });
  });

  it('are compared', () => {
    const replaced = new Set(['first', 'again']);
    const changes = judgeLayout([{ name: 'types.o', pre, post, replaced }], []);
    expect(changes).toMatchObject([{ name: 'struct item', verdict: 'refused' }]);
    expect(changes[0]?.reasons.join()).toMatch(/^its size grows from 48 to 56 bytes/);
  });

  it('are found in static variables of which a piece is left', () => {
    const walk = [...readDwarf(pre).values()].find(
      ({ name, isStatic }) => name === 'walk' && isStatic,
    );
    expect(walk?.pieces).toMatchObject([{ at: 8, section: { name: '.bss.again.walk.0' } }]);
  });
});
