// kmodsrc/ksplice.h is the definition; the offsets that reading new code uses must say the same.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ElfObject } from '../../src/elf/object.js';
import { CONSTANT } from '../../src/elf/tables.js';
import { BASE, CHANGE, CHANGE_DATA, HOOK, NEW_CODE, REF } from '../../src/update/new-code.js';
import { compile } from '../support/compile.js';

const MEMBERS = {
  'sizeof(struct ksplice_new_code)': NEW_CODE.size,
  'offsetof(struct ksplice_new_code, target)': NEW_CODE.target,
  'offsetof(struct ksplice_new_code, cookie)': NEW_CODE.cookie,
  'offsetof(struct ksplice_new_code, changes)': NEW_CODE.changes,
  'offsetof(struct ksplice_new_code, n_changes)': NEW_CODE.nChanges,
  'offsetof(struct ksplice_new_code, refs)': NEW_CODE.refs,
  'offsetof(struct ksplice_new_code, n_refs)': NEW_CODE.nRefs,
  'offsetof(struct ksplice_new_code, bases)': NEW_CODE.bases,
  'offsetof(struct ksplice_new_code, n_bases)': NEW_CODE.nBases,
  'offsetof(struct ksplice_new_code, hooks)': NEW_CODE.hooks,
  'offsetof(struct ksplice_new_code, n_hooks)': NEW_CODE.nHooks,
  'offsetof(struct ksplice_new_code, sealed)': NEW_CODE.sealed,
  'offsetof(struct ksplice_new_code, n_sealed)': NEW_CODE.nSealed,
  'offsetof(struct ksplice_new_code, constants)': NEW_CODE.constants,
  'offsetof(struct ksplice_new_code, n_constants)': NEW_CODE.nConstants,
  'sizeof(struct ksplice_constant)': CONSTANT.size,
  'offsetof(struct ksplice_constant, place)': CONSTANT.place,
  'offsetof(struct ksplice_constant, variable)': CONSTANT.variable,
  'offsetof(struct ksplice_constant, width)': CONSTANT.width,
  'sizeof(struct ksplice_hook)': HOOK.size,
  'offsetof(struct ksplice_hook, kind)': HOOK.kind,
  'offsetof(struct ksplice_hook, fn)': HOOK.fn,
  'sizeof(struct ksplice_base)': BASE.size,
  'offsetof(struct ksplice_base, id)': BASE.id,
  'offsetof(struct ksplice_base, target)': BASE.target,
  'offsetof(struct ksplice_base, cookie)': BASE.cookie,
  'sizeof(struct ksplice_change)': CHANGE.size,
  'offsetof(struct ksplice_change, span)': CHANGE.span,
  'offsetof(struct ksplice_change, flags)': CHANGE.flags,
  'offsetof(struct ksplice_change, new_addr)': CHANGE.newAddr,
  KSPLICE_CHANGE_DATA: CHANGE_DATA,
  'sizeof(struct ksplice_ref)': REF.size,
  'offsetof(struct ksplice_ref, place)': REF.place,
  'offsetof(struct ksplice_ref, addend)': REF.addend,
  'offsetof(struct ksplice_ref, key)': REF.key,
  'offsetof(struct ksplice_ref, width)': REF.width,
  'offsetof(struct ksplice_ref, flags)': REF.flags,
};

test('new code is laid out as the header says', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    const file = path.join(folder, 'layout.c');
    const rows = Object.keys(MEMBERS).join(', ');
    const include = '#include <stddef.h>\n#include "ksplice.h"\n';
    writeFileSync(file, `${include}const unsigned int numbers[] = { ${rows} };\n`);
    const kmodsrc = path.resolve(import.meta.dirname, '../../kmodsrc');
    const object = new ElfObject(compile(file, [`-I${kmodsrc}`]), 'layout.o');
    const symbol = object.symbols.find(({ name }) => name === 'numbers')!;
    const numbers = Object.values(MEMBERS).map((_, index) =>
      symbol.section!.data.readUInt32LE(symbol.value + 4 * index),
    );
    expect(numbers).toEqual(Object.values(MEMBERS));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
