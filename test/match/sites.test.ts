// Each way in which the kernel rewrites its code: from the tables of an
// assembled object to the forms that its code may have.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, withFiles } from '../support/files.js';
import { fixture, flaggedTables, programOf, showItems, tables } from './support/programs.js';

const items = (file: string, name: string, sizes = tables) =>
  showItems(programOf({ 'x.o': fixture(file) }, { tables: sizes }).program, name);

/** What the compiler made, before objtool adds its tables. */
function withoutTables(object: Buffer): Buffer {
  const tables = ['.return_sites', '.retpoline_sites', '.static_call_sites', '__mcount_loc'];
  return withFiles({ 'x.o': object }, (folder) => {
    const remove = tables.flatMap((table) => ['-R', table, '-R', `.rela${table}`]);
    run(folder, 'objcopy', ...remove, 'x.o');
    return readFileSync(path.join(folder, 'x.o'));
  });
}

describe('patch sites', () => {
  it('ftrace: a call, a no-op, or a call to any trampoline', () => {
    expect(items('ftrace.S', 'traced')).toEqual([
      '+0x0 site',
      '  e8<4 rel __fentry__-4>',
      '  0f1f440000',
      '  e8<4 rel any>',
    ]);
  });

  it('jump labels: a no-op or a jump to the target, as long as built', () => {
    expect(items('jump-label.S', 'branches')).toEqual([
      '+0x0 site',
      '  0f1f440000',
      '  e9<4 rel x.o .text.unlikely-3>',
      '+0x5 site',
      '  6690',
      '  eb<1 rel x.o .text+9>',
      '+0x7 site',
      '  eb01',
      '  6690',
      '  eb<1 rel x.o .text+9>',
    ]);
  });

  it('static calls: one function for all sites of a call, or none', () => {
    expect(items('static-call.S', 'calls')).toEqual([
      '+0x0 site',
      '  e8<4 rel __SCT__hook-4>',
      '  e8<4 rel static call hook-4>',
      '  0f1f440000',
      '  2e2e2e31c0',
      '  67480fb93a',
      '  3e3ec60700',
      '+0x5 site',
      '  0f85<4 rel __SCT__hook-4>',
      '  0f85<4 rel static call hook-4>',
      '  0f85<4 rel static call return-4>',
      '+0xb site',
      '  e9<4 rel __SCT__hook-4>',
      '  e9<4 rel static call hook-4>',
      '  c3cccccccc',
      '  e9<4 rel return thunk-4>',
    ]);
  });

  it('static calls: the trampoline follows', () => {
    expect(items('static-call.S', '__SCT__own')).toEqual([
      '+0x0 site',
      '  e9<4 rel hook_function-4>',
      '  e9<4 rel static call own-4>',
      '  c3cccccccc',
      '  e9<4 rel return thunk-4>',
    ]);
  });

  it('returns: ret, or the thunk that all use', () => {
    expect(items('return.S', 'returns')).toEqual([
      '+0x2 site',
      '  e9<4 rel __x86_return_thunk-4>',
      '  c3cccccccc',
      '  e9<4 rel return thunk-4>',
    ]);
  });

  it('retpolines: a thunk, or an indirect branch with or without a fence', () => {
    expect(items('retpoline.S', 'indirect')).toEqual([
      '+0x0 site',
      '  e8<4 rel __x86_indirect_thunk_rax-4>',
      '  e8<4 rel any>',
      '  ffd00f1f00',
      '  0faee8ffd0',
      '+0x5 site',
      '  2ee8<4 rel __x86_indirect_thunk_r11-4>',
      '  2ee8<4 rel any>',
      '  41ffd30f1f00',
      '  0faee841ffd3',
      '+0xb site',
      '  e9<4 rel __x86_indirect_thunk_rdx-4>',
      '  e9<4 rel any>',
      '  ffe2cc6690',
      '  0faee8ffe2',
      '+0x10 site',
      '  0f84<4 rel __x86_indirect_thunk_rcx-4>',
      '  0f84<4 rel any>',
      '  7504ffe1cc90',
    ]);
  });

  it('returns, retpolines, static calls and ftrace without objtool tables: from the names', () => {
    for (const [file, name] of [
      ['return.S', 'returns'],
      ['retpoline.S', 'indirect'],
      ['static-call.S', 'calls'],
      ['ftrace.S', 'traced'],
    ] as const) {
      const stripped = withoutTables(fixture(file));
      const { program } = programOf({ 'x.o': stripped });
      expect(showItems(program, name)).toEqual(items(file, name));
    }
  });

  it('lock prefixes: gone with one CPU', () => {
    expect(items('lock.S', 'locked')).toEqual(['+0x0 site', '  f0', '  3e']);
  });

  it('paravirt calls: direct, one function for each type, or nothing', () => {
    expect(items('paravirt.S', 'pv')).toEqual([
      '+0x0 site',
      '  ff1425<4 pv_ops+64>',
      '  e8<4 rel paravirt call 8-4>6690',
      '  0f1f8000000000',
    ]);
  });

  it('alternatives: what was built or the replacement, no-ops merged, branches moved', () => {
    expect(items('alternative.S', 'alternatives')).toEqual([
      '+0x0 site',
      '  ff07909090',
      '  0faee89090',
      '  ff070f1f00',
      '  0faee86690',
      '+0x5 site',
      '  9090909090',
      '  e9<4 rel x.o .text+16>',
      '  eb<1 rel x.o .text+19>0f1f00',
      '  0f1f440000',
      '+0xa site',
      '  eb08909090',
      '  e9<4 rel elsewhere-4>',
      '  eb<1 rel elsewhere-1>0f1f00',
      '  eb080f1f00',
      '+0xf site',
      '  e8<4 rel slow-4>',
      '  e8<4 rel fast-4>',
      '  9090909090',
      '  0f1f440000',
    ]);
  });

  it('alternatives with flags: long no-ops are jumped over, pointers are called directly', () => {
    expect(items('alternative-flags.S', 'alternatives', flaggedTables)).toEqual([
      '+0x0 site',
      '  909090909090909090909090',
      '  0faee8909090909090909090',
      '  eb0acccccccccccccccccccc',
      '  0faee8660f1f840000000000',
      '+0xc site',
      '  9090909090',
      '  e9<4 rel x.o .text+19>',
      '  eb<1 rel x.o .text+22>cccccc',
      '  0f1f440000',
      '+0x11 site',
      '  ff15<4 rel pv_ops+60>',
      '  e8<4 rel call through pv_ops+60-4>90',
      '  660f1f440000',
    ]);
  });

  it('endbr: there, or taken away', () => {
    expect(items('endbr.S', 'called_indirectly')).toEqual([
      '+0x0 site',
      '  f30f1efa',
      '  660f1f00',
      '  0f1f40d6',
      '+0x4 site',
      '  e8<4 rel __fentry__-4>',
      '  0f1f440000',
      '  e8<4 rel any>',
    ]);
  });

  it('constants of the boot: any number', () => {
    expect(items('runtime-constant.S', 'hashed')).toEqual([
      '+0x2 site',
      '  efcdab8967452301',
      '  <8 any>',
      '+0xc site',
      '  0c',
      '  <1 any>',
    ]);
  });

  it('sites in one another: all that the kernel may do, one after another', () => {
    expect(items('overlap.S', 'pv_alternative')).toEqual([
      '+0x0 site',
      '  ff1425<4 pv_ops+64>90',
      '  e8<4 rel paravirt call 8-4>669090',
      '  0f1f800000000090',
      '  9c58909090909090',
      '  9c58660f1f440000',
    ]);
    // The prefix of the replacement is not in the table where it was copied to,
    // but at the place of the one that is.
    expect(items('overlap.S', 'lock_alternative')).toEqual([
      '+0x0 site',
      '  f0ff07',
      '  f0ff0f',
      '  3eff0f',
      '  3eff07',
    ]);
    expect(items('overlap.S', 'return_alternative')).toEqual([
      '+0x0 site',
      '  9090909090',
      '  e9<4 rel __x86_return_thunk-4>',
      '  eb<1 rel __x86_return_thunk-1>0f1f00',
      '  c3cccccccc',
      '  e9<4 rel return thunk-4>',
      '  eb<1 rel return thunk-1>0f1f00',
      '  0f1f440000',
    ]);
  });
});
