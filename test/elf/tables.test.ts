// What the table probe's object is read for. That the probe compiles against a
// kernel's headers, and says what objects show, is tested with a real kernel.

import { expect, test } from 'vitest';
import { ElfObject } from '../../src/elf/object.js';
import { readTableSizes, tablesProbeSource } from '../../src/elf/tables.js';
import { compile } from '../support/compile.js';
import { withFiles } from '../support/files.js';

/** The probe with the kernel's structures written down here, in another layout than any kernel's. */
const standIn = `
typedef unsigned char u8; typedef unsigned short u16;
struct alt_instr { int a, b; u16 id; u8 instrlen, pad[3], replacementlen; } __attribute__((packed));
struct bug_entry { int a, file; long pad; u16 line, flags; };
struct exception_table_entry { int a, b, c; };
struct jump_entry { int code, target; long key; };
struct static_call_site { int a, b; };
struct orc_entry { char bytes[6]; } __attribute__((packed));
struct _ddebug { void *p[2]; unsigned int other:3, lineno:18, flags:8; };
#define offsetof(type, member) __builtin_offsetof(type, member)
#define KERNEL_VERSION(a, b, c) 9
#define LINUX_VERSION_CODE 9
#define CONFIG_GENERIC_BUG 1
#define CONFIG_DEBUG_BUGVERBOSE 1
#define CONFIG_JUMP_LABEL 1
#define CONFIG_DYNAMIC_DEBUG_CORE 1
`;

function compileText(text: string): ElfObject {
  const bytes = withFiles({ 'probe.c': Buffer.from(text) }, (folder) =>
    compile(`${folder}/probe.c`),
  );
  return new ElfObject(bytes, 'probe.o');
}

test('sizes, offsets and the bits of the line number', () => {
  const body = tablesProbeSource.replace(/^#include.*$/gm, '');
  const sizes = readTableSizes(compileText(standIn + body));
  expect({ ...sizes, dyndbgLine: Buffer.from(sizes.dyndbgLine).toString('hex') }).toEqual({
    altInstr: 15,
    altInstrLength: 10,
    altReplacementLength: 14,
    bug: 24,
    bugLine: 16,
    exception: 12,
    jump: 16,
    staticCall: 8,
    paravirt: 0,
    orc: 6,
    dyndbg: 24,
    // 18 bits after the first three.
    dyndbgLine: `${'00'.repeat(16)}f8ff1f00${'00'.repeat(4)}`,
  });
});

test('another object is not taken for the probe', () => {
  const other = compileText('const unsigned int ksplice_table_bug = 12;');
  expect(() => readTableSizes(other)).toThrow(/it is not the table probe/);
});

test('numbers that no kernel has are refused', () => {
  const odd = compileText(
    'const unsigned int ksplice_table_altInstr = 12, ksplice_table_exception = 0x1000000;',
  );
  expect(() => readTableSizes(odd)).toThrow(/exception is 16777216/);
});
