// Symbols that updates below added, looked for by the new code of an update above.

import { describe, expect, test } from 'vitest';
import { Homes } from '../../src/diff/homes.js';
import { diffObjects } from '../../src/diff/index.js';
import type { ElfSymbol } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { resolveAbove, type TargetBelow } from '../../src/extract/below.js';
import type { SymbolResolver } from '../../src/extract/types.js';
import { compilePair } from '../diff/fixtures.js';

const [pre, post] = compilePair('new-code.c');
const diff = diffObjects(pre, post, 'new-code.o', inferTableSizes([pre, post]));

const untouched: TargetBelow = { homes: new Map(), code: [undefined] };
const adding = (module: string): TargetBelow => ({
  homes: new Map([['new-code.o', new Homes(pre, [diff])]]),
  code: [{ id: 'u1', module, object: post }],
});

const nothing = { kind: 'unresolved', why: 'the kernel has none', advice: '' } as const;
const booted: SymbolResolver = { external: () => nothing, own: () => nothing };
const named = (name: string) =>
  ({ ...post.symbols.find((symbol) => symbol.name === 'new_global')!, name }) as ElfSymbol;

const look = (name: string, own: TargetBelow, ...others: TargetBelow[]) =>
  resolveAbove(booted, own, others).external('other.o', named(name));

describe('what an update below added', () => {
  const there = { kind: 'klp', object: 'ksplice_u1_vmlinux_new', name: 'new_global', position: 1 };

  test('is found by its own target, and by others', () => {
    const vmlinux = adding('ksplice_u1_vmlinux_new');
    expect(look('new_global', vmlinux)).toEqual(there);
    expect(look('new_global', untouched, vmlinux)).toEqual(there);
    // The target's own comes first.
    expect(look('new_global', vmlinux, adding('ksplice_u1_sctp_new'))).toEqual(there);
  });

  test('is not found if it is static, or no other target may use it', () => {
    expect(look('hits', untouched, adding('ksplice_u1_vmlinux_new'))).toBe(nothing);
    expect(look('new_global', untouched)).toBe(nothing);
  });

  test('is refused if several targets have one of the name', () => {
    const both = [adding('ksplice_u1_a_new'), adding('ksplice_u1_b_new')];
    expect(look('new_global', untouched, ...both)).toMatchObject({
      kind: 'unresolved',
      why: expect.stringContaining('several targets'),
    });
  });
});
