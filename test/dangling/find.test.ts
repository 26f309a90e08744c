// What new code gives away of itself, by the compiler's own instructions: in the forms of the kernel's
// flags, with thunks for returns and pointers, and where addresses are relative to the instruction.

import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findAddressesOut } from '../../src/dangling/find.js';
import { walkThrough } from '../../src/dangling/walk.js';
import { ElfObject } from '../../src/elf/object.js';
import { addressInWords } from '../../src/update/addresses-out.js';
import { compile, sectionFlags } from '../support/compile.js';

const SOURCE = path.resolve(import.meta.dirname, '../fixtures/dangling.c');

const OUT = [
  '"kept" by kept_text',
  '"owner" by irq',
  '"pointed" by pointed_ops',
  '"said" by returned_text',
  'branch_fn by branch',
  'content_fn by content',
  'frame_fn by frame',
  'global_fn by global',
  'helped_fn by helped',
  'last_fn by last',
  'loop_fn by loop',
  'other_fn by content',
  'passed_fn by passed',
  'pointed_fn by pointed_ops',
  'pointed_ops by pointed',
  'returned_fn by returned',
  'stored_fn by stored',
  'through_fn by away',
  'cloned_fn by clone',
  'fault_fn by fault',
  'label_fn by label',
  'offset_fn by offset',
  'template_fn by copy',
  'again_fn by again_fn',
  'seen_fn by helps',
  'hands_fn by hands',
  'head by queue_head',
  'searched by search',
  'searched_fn by searched',
  '"a" by searched',
  '"b" by searched',
  'looked_up by look_up',
  '"key=value" by tail_text',
  'wait_entry by waits',
  'handler_fn by handles',
  'nameless_fn by nameless',
  '.rodata.tables+0x0 by tabled',
  'table_only_fn by .rodata.tables+0x0',
  'warned_fn by warned',
  'switched_fn by switched',
  'vector_fn by vector',
  'pair_fn by pair',
  'middle_fn by middle',
  '"copied away" by copies_away',
  'below_fn by above',
  'below_ops by hands_below',
  'points_below by hands_pointer',
  'upper_fn by stores_below',
].sort();

const FORMS: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  'with return thunks': ['-mfunction-return=thunk-extern', '-fcf-protection=none'],
  'with thunks for pointers': ['-mindirect-branch=thunk-extern', '-mindirect-branch-register'],
  'with frame pointers': ['-fno-omit-frame-pointer', '-fno-optimize-sibling-calls'],
  'for size': ['-Os'],
};

function find(flags: readonly string[], safe: readonly string[] = []) {
  const object = new ElfObject(compile(SOURCE, [...sectionFlags, ...flags]), 'dangling.o');
  return findAddressesOut(walkThrough(object, meaningOf), [], new Set(safe));
}

/** What is called below_* is new code of an update below. */
function meaningOf(name: string) {
  if (!name.startsWith('below_')) return { name };
  const added = name.endsWith('_fn') ? ('function' as const) : ('data' as const);
  return { name: `${name}.ksplice_lower`, added };
}

describe('addresses that new code gives away', () => {
  it.each(Object.entries(FORMS))('%s', (_, flags) => {
    const found = find(flags).map(({ symbol, from }) => `${symbol} by ${from}`);
    expect(found.sort()).toEqual(OUT);
  });

  it('with relative addresses, of which one is still in the register of the result', () => {
    const found = find(['-mcmodel=small', '-fpie']).map(
      ({ symbol, from }) => `${symbol} by ${from}`,
    );
    const expected = OUT.map((line) => line.replace('_fn by away', '_fn by through'));
    expect(found.sort()).toEqual(expected);
  });

  it('says who gets it', () => {
    const words = find([]).map(addressInWords);
    expect(words).toContain('passed() passes the address of passed_fn() to give()');
    expect(words).toContain('stored() stores the address of stored_fn()');
    expect(words).toContain('returned() returns the address of returned_fn()');
    expect(words).toContain('pointed_ops points at pointed_fn()');
    expect(words).toContain('above() stores the address of below_fn()');
    expect(words).toContain(
      'switched() takes the address of switched_fn(), and it cannot be told where that goes',
    );
    expect(words).toContain('irq() passes the address of "owner" to request_threaded_irq()');
  });

  it('leaves out what the author takes back, and what only that points at', () => {
    const names = find([], ['pointed_ops', 'stored_fn']).map(({ symbol }) => symbol);
    expect(names).not.toContain('pointed_ops');
    expect(names).not.toContain('pointed_fn');
    expect(names).not.toContain('stored_fn');
    expect(names).toHaveLength(OUT.length - 4);
  });

  it('of a table that is written in place it is what the table points at', () => {
    const object = new ElfObject(compile(SOURCE, [...sectionFlags]), 'dangling.o');
    const found = findAddressesOut(walkThrough(object, meaningOf), ['written'], new Set()).map(
      addressInWords,
    );
    expect(found).toContain('written, which is written in place, points at table_fn()');
    expect(found).toHaveLength(OUT.length + 1);
  });
});
