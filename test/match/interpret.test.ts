// Run-pre matching of compiled objects against a kernel that the linker made
// of them, and against that kernel with one thing changed.

import { beforeAll, describe, expect, it } from 'vitest';
import { type Mismatch, matchProgram } from '../../src/match/interpret.js';
import type { Item } from '../../src/program/program.js';
import { LinkedKernel } from './support/linked.js';
import { fixture, programOf } from './support/programs.js';

let first: Buffer;
let second: Buffer;
beforeAll(() => {
  first = fixture('first.c');
  second = fixture('second.c');
});

const link = () => new LinkedKernel([first, second]);
const brief = (mismatches: readonly Mismatch[]) =>
  mismatches.map(({ cause, object, span, offset }) => `${cause} ${object} ${span}+${offset}`);

describe('a kernel made of the objects', () => {
  it('matches, and tells where everything is', () => {
    const kernel = link();
    const { program, spanOf, keyOf } = programOf({ 'first.o': first, 'second.o': second });
    const result = matchProgram(program, 'vmlinux', kernel);
    expect(brief(result.mismatches)).toEqual([]);
    expect(result.ok).toBe(true);
    expect(result.unverified).toBe(0);
    for (const name of ['strong', 'within', 'uses_twin', 'maybe']) {
      expect(result.addresses[spanOf('first.o', name)!], name).toBe(kernel.address(name));
    }
    for (const name of ['strong', 'counter', 'names', 'limits', 'report', 'counter_of']) {
      const place = keyOf('first.o', name)!;
      const value = result.values[place.key]! + BigInt(place.offset);
      expect(value, name).toBe(kernel.address(name));
    }
  });

  it('has local functions of one name and the same code: the section decides', () => {
    const kernel = link();
    const twins = [...kernel.lookup('twin')].sort();
    expect(twins).toHaveLength(2);
    const { program, spanOf } = programOf({ 'first.o': first, 'second.o': second });
    const { addresses } = matchProgram(program, 'vmlinux', kernel);
    expect(addresses[spanOf('first.o', 'twin')!]).toBe(twins[0]);
    expect(addresses[spanOf('second.o', 'twin')!]).toBe(twins[1]);
  });

  it('does not take the strong definition for the weak one, not even with the same code', () => {
    const { program, spanOf } = programOf({ 'first.o': first });
    const { addresses, ok } = matchProgram(program, 'vmlinux', link());
    expect(ok).toBe(true);
    expect(addresses[spanOf('first.o', 'fallback')!]).toBeUndefined();
    expect(addresses[spanOf('first.o', 'same_fallback')!]).toBeUndefined();
    expect(addresses[spanOf('first.o', 'kept_fallback')!]).toBeDefined();
  });

  it('refuses to replace a weak definition that is not the one in use', () => {
    const { program } = programOf({ 'first.o': first }, { replaced: ['fallback'] });
    const { mismatches } = matchProgram(program, 'vmlinux', link());
    expect(brief(mismatches)).toEqual(['differs first.o fallback+0']);
  });

  it('accepts zero for a weak symbol that nobody defines, and nothing else', () => {
    const kernel = link();
    const { program } = programOf({ 'first.o': first });
    const key = program.keys.findIndex(({ name }) => name === 'not_there');
    expect(program.keys[key]).toMatchObject({ weak: true, kallsyms: true });
    expect(matchProgram(program, 'vmlinux', kernel).values[key]).toBe(0n);
    const keys = program.keys.map((one, index) => (index === key ? { ...one, weak: false } : one));
    const { mismatches } = matchProgram({ ...program, keys }, 'vmlinux', kernel);
    expect(brief(mismatches)).toEqual(['not-a-symbol not_there not_there+0']);
  });

  it('leaves out what is gone after the start', () => {
    const { program, spanOf } = programOf({ 'first.o': first });
    expect(spanOf('first.o', 'at_start')).toBeUndefined();
    const replaced = programOf({ 'first.o': first }, { replaced: ['at_start'] });
    expect(replaced.spanOf('first.o', 'at_start')).toBeDefined();
    expect(program.spans.some(({ name }) => name === 'strong')).toBe(true);
  });

  it('leaves out constructors of the kernel proper, which are gone; a module keeps them', () => {
    const spans = (target: string) =>
      programOf({ 'first.o': first }, { target }).program.spans.map(({ name }) => name);
    expect(spans('vmlinux')).not.toContain('construct');
    expect(spans('core_target')).toContain('construct');
  });
});

describe('a kernel that differs', () => {
  it('is refused for any byte of code or read-only data that is no number of a relocation', () => {
    const kernel = link();
    const { program } = programOf({ 'first.o': first, 'second.o': second });
    const { addresses } = matchProgram(program, 'vmlinux', kernel);
    let flipped = 0;
    program.spans.forEach((span, index) => {
      const address = addresses[index];
      if (address === undefined) return;
      for (let at = 0; at < span.bytes.length; at++) {
        if (span.items.some((item) => covers(item, at))) continue;
        const place = address + BigInt(at);
        const before = kernel.poke(place, Uint8Array.of(kernel.read(place, 1)![0]! ^ 0x10));
        const { ok, mismatches } = matchProgram(program, 'vmlinux', kernel);
        kernel.poke(place, before);
        expect(ok, `${span.name} ${index}+${at}`).toBe(false);
        const name = span.name || program.keys[span.key]!.label;
        const named = mismatches.find((one) => one.address === place && one.span === name);
        expect(named, `${name}+${at}`).toMatchObject({
          cause: 'differs',
          object: span.label,
          offset: at,
        });
        expect(named!.expected[0]! ^ named!.found![0]!).toBe(0x10);
        flipped++;
      }
    });
    expect(flipped).toBeGreaterThan(250);
    expect(matchProgram(program, 'vmlinux', kernel).ok).toBe(true);
  });

  it('is refused for any relocation that leads elsewhere', () => {
    const kernel = link();
    const { program } = programOf({ 'first.o': first, 'second.o': second });
    const { addresses, values } = matchProgram(program, 'vmlinux', kernel);
    const uses = new Map<number, number>();
    const relocations = program.spans.flatMap((span, index) =>
      span.items.flatMap((item) => {
        const address = addresses[index];
        if (item.kind !== 'reloc' || address === undefined) return [];
        uses.set(item.field.key, (uses.get(item.field.key) ?? 0) + 1);
        return [{ span, item, place: address + BigInt(item.offset) }];
      }),
    );
    let guarded = 0;
    for (const { span, item, place } of relocations) {
      const before = kernel.poke(place, Uint8Array.of(kernel.read(place, 1)![0]! + 1));
      const { ok } = matchProgram(program, 'vmlinux', kernel);
      kernel.poke(place, before);
      const key = program.keys[item.field.key]!;
      // A string or section that only this place refers to is compared where it leads.
      const what = `${span.name}+${item.offset} ${key.label} ${values[item.field.key]}`;
      expect(ok, what).toBe(false);
      guarded++;
    }
    expect(guarded).toBeGreaterThan(15);
  });

  it('is refused where kallsyms does not have the name', () => {
    const kernel = link();
    const { program } = programOf({ 'first.o': first });
    kernel.setSymbol('report', [kernel.address('report') + 16n]);
    const { mismatches } = matchProgram(program, 'vmlinux', kernel);
    expect(brief(mismatches)).toEqual(['not-a-symbol report report+0']);
  });

  it('is refused without the function', () => {
    const kernel = link();
    kernel.setSymbol('within', []);
    const { program } = programOf({ 'first.o': first });
    const { mismatches } = matchProgram(program, 'vmlinux', kernel);
    expect(brief(mismatches)).toEqual(['not-found first.o within+0']);
  });

  it('is refused where nothing can be read', () => {
    const kernel = link();
    kernel.setSymbol('within', [0x7000_0000n]);
    const { program } = programOf({ 'first.o': first });
    const { mismatches } = matchProgram(program, 'vmlinux', kernel);
    expect(brief(mismatches)).toEqual(['unreadable first.o within+0']);
    expect(mismatches[0]!.found).toBeUndefined();
  });

  it('shows the difference of the candidate that goes on longest', () => {
    const kernel = link();
    const within = kernel.address('within');
    kernel.setSymbol('within', [kernel.address('maybe'), within, kernel.address('strong')]);
    const { program } = programOf({ 'first.o': first });
    const spans = program.spans.filter(({ name }) => name === 'within');
    const last = spans[0]!.bytes.length - 1;
    kernel.poke(within + BigInt(last), Uint8Array.of(0xcc));
    const { mismatches } = matchProgram({ ...program, spans }, 'vmlinux', kernel);
    expect(brief(mismatches)).toEqual([`differs first.o within+${last}`]);
  });

  it('is refused when sections are laid out differently', () => {
    // The same functions with the same bytes, but at another distance from each other.
    const kernel = link();
    const { program } = programOf({ 'first.o': first });
    const spans = program.spans.map((span) =>
      span.name === 'within' ? { ...span, offset: span.offset + 16 } : span,
    );
    const { mismatches } = matchProgram({ ...program, spans }, 'vmlinux', kernel);
    expect(mismatches.map(({ cause }) => cause)).toContain('inconsistent');
  });
});

describe('what cannot be decided', () => {
  it('is an error for a function that is replaced, and counted for any other', () => {
    const kernel = link();
    const twins = (replaced: boolean) => {
      const { program } = programOf({ 'first.o': first });
      const spans = program.spans
        .filter(({ name }) => name === 'twin')
        .map((span) => ({ ...span, replaced }));
      return matchProgram({ ...program, spans }, 'vmlinux', kernel);
    };
    expect(twins(false)).toMatchObject({ ok: true, unverified: 1 });
    expect(brief(twins(true).mismatches)).toEqual(['ambiguous first.o twin+0']);
  });

  it('finds functions that kallsyms does not know by their section', () => {
    const kernel = link();
    const hidden = kernel.address('within');
    kernel.setSymbol('within', []);
    const { program, spanOf } = programOf(
      { 'first.o': first },
      { hasKallsyms: (name) => name !== 'within' },
    );
    const { addresses, ok } = matchProgram(program, 'vmlinux', kernel);
    expect(ok).toBe(true);
    expect(addresses[spanOf('first.o', 'within')!]).toBe(hidden);
  });
});

function covers(item: Item, at: number): boolean {
  return at >= item.offset && at < item.offset + item.length;
}
