// Symbols that an update above uses: those of the kernel as it was booted, and those
// that the updates below have added.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ElfObject, type ElfSymbol } from '../../src/elf/object.js';
import { type CodeBelow, resolveAbove, type TargetBelow } from '../../src/extract/below.js';
import type { Resolution, SymbolResolver } from '../../src/extract/extraction.js';
import { run, withFiles } from '../support/files.js';
import { bytesOf, homesOf, objectOf } from '../support/states.js';

const BOOTED = `
static int count;
noipa int replaced(int x) { return sink(x) + count++; }
`;
/** Each update adds a global and a static variable, and replaces the function. */
const FIRST = `
static int count;
static int calls;
noipa int from_first(int x) { static int inside; return sink(x + 1) + inside++; }
noipa int replaced(int x) { return from_first(x) + count++ + calls++; }
`;
const SECOND = `${FIRST.replace('calls++;', 'calls++ + from_second(x);').replace(
  'noipa int replaced',
  'noipa int from_second(int x) { return sink(x + 2); }\nnoipa int replaced',
)}`;
const homes = homesOf([BOOTED, FIRST, SECOND], 'a.o');
const running = homes.steps[1]!.post;

/** New code as it is in a module: everything local, with the update's id, linked of several sources. */
function codeOf(id: string, ...sources: string[]): NonNullable<CodeBelow> {
  const parts = sources.map((source, index) => [`${index}.o`, bytesOf(source)] as const);
  const names = parts.map(([name]) => name);
  const linked = withFiles(Object.fromEntries(parts), (folder) => {
    // As extraction does: what is defined in each is local before they are put together.
    for (const [name, object] of parts) {
      const renamed = new ElfObject(object, name).symbols
        .filter(({ section, name }) => section && name !== '')
        .map(({ name }) => `--redefine-sym=${name}=${name}.ksplice_${id}`);
      run(folder, 'objcopy', '-w', '--keep-global-symbol=!*', ...new Set(renamed), name);
    }
    run(folder, 'ld', '-r', '-o', 'new.ko', ...names);
    return readFileSync(path.join(folder, 'new.ko'));
  });
  return { id, module: `ksplice_${id}_vmlinux_new`, object: new ElfObject(linked, id) };
}

const first = codeOf('first', FIRST);
const second = codeOf('second', SECOND);

/** Finds what it is asked for in the booted kernel, and says which symbol it was asked for. */
const asked: ElfSymbol[] = [];
const booted: SymbolResolver = {
  own: (_label, symbol) => {
    asked.push(symbol);
    return { kind: 'klp', object: 'vmlinux', name: symbol.name, position: 1 };
  },
  external: (_label, { name }): Resolution =>
    name === 'sink'
      ? { kind: 'exported', namespace: '' }
      : { kind: name === 'maybe' ? 'absent' : 'unresolved', why: 'not there', advice: '' },
};

const changed = (...code: CodeBelow[]): TargetBelow => ({ homes: new Map([['a.o', homes]]), code });
const above = (...code: CodeBelow[]) => resolveAbove(booted, changed(...code), []);

/** Of the object as it runs; a static local is numbered. */
function symbolOf(name: string, object = running): ElfSymbol {
  const found = object.symbols.find((one) => one.name.replace(/\.\d+$/, '') === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}
const klp = (id: string, name: string, position = 1) => ({
  kind: 'klp',
  object: `ksplice_${id}_vmlinux_new`,
  name: `${name}.ksplice_${id}`,
  position,
  added: name.startsWith('from_') ? 'function' : 'data',
});

describe('a symbol of the object', () => {
  test.each(['count', 'replaced'])('%s is looked up as it was booted', (name) => {
    const found = above(first, second).own('a.o', symbolOf(name));
    expect(found).toMatchObject({ object: 'vmlinux', name });
    expect(asked.at(-1)).toBe(symbolOf(name, homes.booted));
  });

  test('is in the update that added it', () => {
    const { own } = above(first, second);
    expect(own('a.o', symbolOf('calls'))).toEqual(klp('first', 'calls'));
    expect(own('a.o', symbolOf('from_first'))).toEqual(klp('first', 'from_first'));
    expect(own('a.o', symbolOf('from_second'))).toEqual(klp('second', 'from_second'));
    // Under the name that it has in that update's object.
    const inside = symbolOf('inside', homes.steps[0]!.post).name;
    expect(own('a.o', symbolOf('inside'))).toEqual(klp('first', inside));
  });

  test("of an object that no update has a part in is the kernel's", () => {
    const symbol = symbolOf('calls');
    expect(above(first, second).own('b.o', symbol)).toMatchObject({ object: 'vmlinux' });
    expect(asked.at(-1)).toBe(symbol);
  });
});

describe('a symbol that the object leaves undefined', () => {
  const undefinedIn = (name: string) =>
    symbolOf(name, objectOf(`int ${name}(int);\nint user(int x) { return ${name}(x); }`, 'b.o'));
  const external = (name: string) => above(first, second).external('b.o', undefinedIn(name));

  test("is the kernel's first, then what an update has added", () => {
    expect(external('sink')).toEqual({ kind: 'exported', namespace: '' });
    expect(external('from_first')).toEqual(klp('first', 'from_first'));
    expect(external('from_second')).toEqual(klp('second', 'from_second'));
  });

  test("is the kernel's, too, if an update has added another of the name", () => {
    const exported: Resolution = { kind: 'exported', namespace: '' };
    const kernel: SymbolResolver = { ...booted, external: () => exported };
    const resolver = resolveAbove(kernel, changed(first, second), []);
    expect(resolver.external('b.o', undefinedIn('from_first'))).toBe(exported);
  });

  test('is not a static one, nor one that was there at boot', () => {
    expect(external('calls')).toMatchObject({ kind: 'unresolved', why: 'not there' });
    expect(external('replaced')).toMatchObject({ kind: 'unresolved', why: 'not there' });
    expect(external('maybe')).toMatchObject({ kind: 'absent' });
  });

  test('is that of the newest update that adds one of the name', () => {
    // Each of the two leaves the other's object alone.
    const other = FIRST.replace('x + 1', 'x + 7');
    const both = new Map([
      ['a.o', homesOf([BOOTED, FIRST, FIRST], 'a.o')],
      ['b.o', homesOf([BOOTED, BOOTED, other], 'b.o')],
    ]);
    const code = [first, codeOf('second', other)];
    const resolver = resolveAbove(booted, { homes: both, code }, []);
    const found = resolver.external('c.o', undefinedIn('from_first'));
    expect(found).toEqual(klp('second', 'from_first'));
  });
});

describe('a symbol that was added to another target', () => {
  const untouched = { homes: new Map(), code: [undefined, undefined] };
  const elsewhere = changed(codeOf('other', FIRST), second);
  const look = (name: string, own: TargetBelow, ...others: TargetBelow[]) =>
    resolveAbove(booted, own, others).external('c.o', {
      ...symbolOf('from_first'),
      name,
    } as ElfSymbol);

  test('is found there, after those of the own target', () => {
    expect(look('from_first', untouched, elsewhere)).toEqual(klp('other', 'from_first'));
    expect(look('from_first', changed(first, second), elsewhere)).toEqual(
      klp('first', 'from_first'),
    );
  });

  test('is not found if it is static, or no other target may be used', () => {
    expect(look('calls', untouched, elsewhere)).toMatchObject({ why: 'not there' });
    expect(look('from_first', untouched)).toMatchObject({ why: 'not there' });
  });

  test('is refused if several have one of the name', () => {
    const both = [elsewhere, changed(first, second)];
    expect(look('from_first', untouched, ...both)).toMatchObject({
      kind: 'unresolved',
      why: 'updates below add it to several targets',
    });
  });
});

describe('in the module', () => {
  const calls = () => symbolOf('calls');

  test('a symbol of another type or size is not meant, but counts for the position', () => {
    const function_ = 'static __attribute__((used)) noipa int calls(int x) { return x + 1; }';
    const array = 'static __attribute__((used)) int calls[7] = { 1 };';
    const code = codeOf('first', function_, array, FIRST);
    const named = code.object.symbols.filter(({ name }) => name === 'calls.ksplice_first');
    // A function as long as the variable.
    expect(named.map(({ size }) => size)).toEqual([4, 28, 4]);
    expect(above(code, second).own('a.o', calls())).toEqual(klp('first', 'calls', 3));
  });

  test('one that the loader does not keep does not count', () => {
    const dropped = ['.init.data', '.comment.calls,"",@progbits#'].map(
      (section) =>
        `static __attribute__((used, section(${JSON.stringify(section)}))) int calls = 1;`,
    );
    const code = codeOf('first', ...dropped, FIRST);
    expect(above(code, second).own('a.o', calls())).toEqual(klp('first', 'calls', 1));
  });

  test.each<[string, CodeBelow, string]>([
    ['has none', codeOf('first', BOOTED), 'the new code of update first has no such symbol'],
    [
      'has two alike',
      codeOf('first', FIRST, 'static __attribute__((used)) int calls = 2;'),
      'the new code of update first has 2 symbols of that name',
    ],
    ['is not there', undefined, 'the update below that adds it does not change this target'],
  ])('new code that %s is refused', (_, code, why) => {
    expect(above(code, second).own('a.o', calls())).toMatchObject({ kind: 'unresolved', why });
  });
});
