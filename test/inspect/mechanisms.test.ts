// Old code has no tables any more: what a place is follows from its forms. The
// fixtures have one kind of place each.

import { expect, test } from 'vitest';
import { mechanismOfSite } from '../../src/arch/x86/mechanisms.js';
import { mechanismOfTable } from '../../src/inspect/mechanisms.js';
import { fixture, flaggedTables, programOf } from '../match/support/programs.js';

function mechanismsIn(name: string): Set<string> {
  const tables = name.includes('flags') ? { tables: flaggedTables } : {};
  const { program } = programOf({ [name]: fixture(name) }, tables);
  const items = program.spans.flatMap(({ items: list }) => list);
  return new Set(
    items.flatMap((item) => (item.kind === 'site' ? [mechanismOfSite(item, program)] : [])),
  );
}

test.each([
  ['ftrace.S', 'ftrace'],
  ['jump-label.S', 'jump label'],
  ['static-call.S', 'static call'],
  ['return.S', 'return thunk'],
  ['retpoline.S', 'retpoline'],
  ['lock.S', 'lock prefix'],
  ['paravirt.S', 'paravirt call'],
  ['alternative.S', 'alternative'],
  ['endbr.S', 'endbr'],
])('places in %s are told by their forms: %s', (name, mechanism) => {
  expect([...mechanismsIn(name)]).toContain(mechanism);
});

test('a table has the name that its places have in old code', () => {
  expect(mechanismOfTable('__jump_table')).toBe('jump label');
  expect(mechanismOfTable('.altinstructions')).toBe('alternative');
  expect(mechanismOfTable('.orc_unwind_ip')).toBeUndefined();
});
