// Sizes and field offsets of the kernel's special-table entries. They differ
// between releases and configurations, assembled tables carry no entry size,
// so they are asked from the kernel's own headers: `tablesProbeSource` is
// compiled against them and `readTableSizes` reads the object. Nothing is run.

import { Bytes, badElf } from './bytes.js';
import { SHT_NOBITS } from './constants.js';
import type { ElfObject } from './object.js';

/** Sizes and offsets in bytes; 0 for a table that this kernel does not have. */
export interface TableSizes {
  /** `struct alt_instr`, in `.altinstructions`. */
  readonly altInstr: number;
  /** Offset of `alt_instr.instrlen` (u8): bytes at the original place. */
  readonly altInstrLength: number;
  /** Offset of `alt_instr.replacementlen` (u8). */
  readonly altReplacementLength: number;
  /** `struct bug_entry`, in `__bug_table`. */
  readonly bug: number;
  /** Offset of `bug_entry.line` (u16); 0 if entries carry no line. */
  readonly bugLine: number;
  /** `struct exception_table_entry`, in `__ex_table`. */
  readonly exception: number;
  /** `struct jump_entry`, in `__jump_table`. */
  readonly jump: number;
  /** `struct static_call_site`, in `.static_call_sites`. */
  readonly staticCall: number;
  /** `struct paravirt_patch_site`, in `.parainstructions`; gone since 6.8. */
  readonly paravirt: number;
  /** `struct orc_entry`, in `.orc_unwind`. */
  readonly orc: number;
  /** `struct _ddebug`, in `DEBUG_MESSAGES`. */
  readonly dyndbg: number;
  /** The bytes of a `struct _ddebug` in which its bit field `lineno` is all ones, the rest zero. */
  readonly dyndbgLine: Uint8Array;
}

/**
 * struct ksplice_constant (kmodsrc/ksplice.h): an operand in new code that the core fills in. A table of
 * ours, in no kernel.
 */
export const CONSTANT = { size: 24, place: 0, variable: 8, width: 16 } as const;
export const CONSTANTS_SECTION = '.ksplice.constants';

/** Sections with the descriptors of dynamic debug: the name since Linux 5.9, and the one before. */
export const DEBUG_MESSAGES: ReadonlySet<string> = new Set(['__dyndbg', '__verbose']);

/** struct jump_entry of x86-64: its size, its fields' offsets, and the flags in the lowest bits of its key. */
export const JUMP_ENTRY = { size: 16, target: 4, key: 8, flags: 3 } as const;

type NumberField = Exclude<keyof TableSizes, 'dyndbgLine'>;

const numbers: readonly NumberField[] = [
  'altInstr',
  'altInstrLength',
  'altReplacementLength',
  'bug',
  'bugLine',
  'exception',
  'jump',
  'staticCall',
  'paravirt',
  'orc',
  'dyndbg',
];

const prefix = 'ksplice_table_';

/**
 * C source to be compiled with the flags of a kernel object (any object of a
 * prepared tree, or an out-of-tree module built against the headers). Numbers
 * and the sample are constant objects, so that only data has to be read.
 */
export const tablesProbeSource = `// Reports the layout of special tables as constants.
#include <linux/version.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/jump_label.h>
#include <linux/static_call_types.h>
#include <linux/dynamic_debug.h>
#include <asm/alternative.h>
#include <asm/processor.h>
#include <asm/extable.h>
#include <asm/orc_types.h>
#if defined(CONFIG_PARAVIRT) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#include <asm/paravirt_types.h>
#endif

#define REPORT(name, value) \\
	extern const unsigned int ${prefix}##name; \\
	const unsigned int __attribute__((used)) ${prefix}##name = (value)

REPORT(altInstr, sizeof(struct alt_instr));
REPORT(altInstrLength, offsetof(struct alt_instr, instrlen));
REPORT(altReplacementLength, offsetof(struct alt_instr, replacementlen));
#ifdef CONFIG_GENERIC_BUG
REPORT(bug, sizeof(struct bug_entry));
#endif
#if defined(CONFIG_GENERIC_BUG) && defined(CONFIG_DEBUG_BUGVERBOSE)
REPORT(bugLine, offsetof(struct bug_entry, line));
#endif
REPORT(exception, sizeof(struct exception_table_entry));
#ifdef CONFIG_JUMP_LABEL
REPORT(jump, sizeof(struct jump_entry));
#endif
REPORT(staticCall, sizeof(struct static_call_site));
#if defined(CONFIG_PARAVIRT) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
REPORT(paravirt, sizeof(struct paravirt_patch_site));
#endif
REPORT(orc, sizeof(struct orc_entry));
#ifdef CONFIG_DYNAMIC_DEBUG_CORE
REPORT(dyndbg, sizeof(struct _ddebug));
/* A bit field has no offset: a sample shows its place. */
extern const struct _ddebug ${prefix}dyndbgLine;
const struct _ddebug __attribute__((used)) ${prefix}dyndbgLine = { .lineno = -1 };
#endif
`;

/** Values that make no sense for any kernel: the probe was not what was compiled. */
const longestEntry = 256;

/**
 * Reads what the compiled `tablesProbeSource` reports.
 * @throws KspliceError `bad-elf` if it is another object or malformed
 */
export function readTableSizes(probe: ElfObject): TableSizes {
  const found = new Map<string, Buffer>();
  for (const symbol of probe.symbols) {
    const { section } = symbol;
    if (!symbol.name.startsWith(prefix) || !section) continue;
    const bytes =
      section.type === SHT_NOBITS
        ? Buffer.alloc(Math.min(symbol.size, longestEntry))
        : new Bytes(section.data, probe.name).slice(symbol.value, symbol.size);
    found.set(symbol.name.slice(prefix.length), bytes);
  }
  const values = {} as Record<NumberField, number>;
  for (const name of numbers) {
    const bytes = found.get(name);
    values[name] = bytes ? new Bytes(bytes, probe.name).u32(0) : 0;
    if (values[name] > longestEntry) {
      throw badElf(probe.name, `the table probe says ${name} is ${values[name]}`);
    }
  }
  if (values.altInstr === 0 || values.exception === 0) {
    throw badElf(probe.name, 'it is not the table probe');
  }
  return { ...values, dyndbgLine: found.get('dyndbgLine') ?? new Uint8Array(0) };
}

/**
 * The layouts as far as objects themselves show them, for when there are no
 * headers: an entry of each table has a fixed number of relocated fields, so its
 * size follows from the table's size and its number of relocations. Offsets of
 * other fields are those that these structures have had since 5.17.
 * @param objects with the same layouts; one table of each kind among them is enough
 */
export function inferTableSizes(objects: readonly ElfObject[]): TableSizes {
  const altInstr = entrySize(objects, '.altinstructions', 2);
  const bug = entrySize(objects, '__bug_table', 2);
  const dyndbg = Math.max(0, ...objects.map(descriptorSize));
  const line = Buffer.alloc(dyndbg);
  if (dyndbg >= 40) line.writeUInt32LE(0x3ffff, 32); // after four pointers, 18 bits
  return {
    altInstr,
    altInstrLength: Math.max(altInstr - 2, 0),
    altReplacementLength: Math.max(altInstr - 1, 0),
    bug,
    // After one, two or three places of four bytes: the code, a format, the file.
    bugLine: bug === 12 || bug === 16 ? bug - 4 : 0,
    exception: entrySize(objects, '__ex_table', 2),
    jump: entrySize(objects, '__jump_table', 3),
    staticCall: entrySize(objects, '.static_call_sites', 2),
    paravirt: entrySize(objects, '.parainstructions', 1),
    orc: orcSize(objects),
    dyndbg,
    dyndbgLine: line,
  };
}

/**
 * From where the fields that are relocated lie: every entry has them at the same places, and begins with
 * one. Where several sizes fit, it is the smallest with as many fields as there must be.
 */
function entrySize(objects: readonly ElfObject[], name: string, fields: number): number {
  for (const object of objects) {
    for (const table of object.sectionsNamed(name)) {
      const all = [...object.relocations(table), ...object.livepatchRelocations(table)];
      const places = new Set(all.map(({ offset }) => offset));
      // Of a single entry, all that there is.
      const most = Math.min(table.size, longestEntry);
      for (let size = 1; size <= most; size++) {
        if (hasEntries(places, table.size, size, fields)) return size;
      }
    }
  }
  return 0;
}

/** Whether entries of that size all have the same fields. The last one may lack its padding. */
function hasEntries(
  places: ReadonlySet<number>,
  length: number,
  size: number,
  fields: number,
): boolean {
  const first = [...places].filter((offset) => offset < size);
  const count = Math.ceil(length / size);
  if (first.length < fields || first.length * count !== places.size || !places.has(0)) return false;
  return [...places].every((offset) => first.includes(offset % size));
}

function descriptorSize(object: ElfObject): number {
  const table = object.sections.find(({ name }) => DEBUG_MESSAGES.has(name));
  const symbol = table && object.symbols.find((one) => one.section === table && one.size > 0);
  return symbol && table.size % symbol.size === 0 ? Math.min(symbol.size, longestEntry) : 0;
}

function orcSize(objects: readonly ElfObject[]): number {
  for (const object of objects) {
    const places = object.section('.orc_unwind_ip');
    const facts = object.section('.orc_unwind');
    if (places && facts && places.size >= 4) return facts.size / (places.size / 4);
  }
  return 0;
}
