// What a section of a kernel object is to the differ, decided by its flags and
// its name. The names are those of include/asm-generic/vmlinux.lds.h,
// arch/x86/kernel/vmlinux.lds.S and scripts/module.lds.S.

import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_MERGE,
  SHF_STRINGS,
  SHT_NOBITS,
  SHT_NOTE,
  SHT_PROGBITS,
} from '../elf/constants.js';
import type { Section } from '../elf/object.js';
import { SPECIAL_TABLES } from './table-kinds.js';

export type SectionRole =
  /** Code that stays in the running kernel. */
  | 'code'
  /** Variables and constants, writable or not, that stay. */
  | 'data'
  /** Mergeable strings: compared by content. */
  | 'strings'
  /** Other mergeable constants: compared by content. */
  | 'constants'
  /** Pieces of code and data without symbols that alternatives refer to. */
  | 'replacement'
  /** A special table that is understood entry by entry (table-kinds.ts). */
  | 'table'
  /** Used at boot or when a module is loaded or unloaded, then never again. */
  | 'init'
  /** Pointers to hooks of the patch, and what else its author says to a tool (hooks.ts, other-tools.ts). */
  | 'hook'
  /** Facts about the module for the loader and for user space. */
  | 'module-info'
  /** Exported symbols. */
  | 'export'
  /** Not in the running kernel at all: debug information, notes to the linker. */
  | 'ignored'
  /** Allocated, and of no kind that is known here. */
  | 'unknown';

/** Types of sections that may be loaded; relocations, symbols and names are not. */
const SHT_INIT_ARRAY = 14;
const inMemory = new Set([SHT_PROGBITS, SHT_NOBITS, SHT_NOTE, SHT_INIT_ARRAY]);

/**
 * In order, first match wins. `.init.rodata.str1.1` must be init before it is
 * a string, `.data..init_task` data before anything that looks like init.
 */
const rules: readonly (readonly [RegExp, SectionRole])[] = [
  [/^\.(init|exit)\./, 'init'],
  // .initcall6.init, .x86_cpu_dev.init; not the section of a function called init.
  [/^\.(?!text|data|bss|rodata).*\.init$|^\.(init_array|ctors)|^\.exitcall/, 'init'],
  [/^__(earlycon|irqchip|clk|timer|thermal|cpu_method|reservedmem).*_(of_)?table$/, 'init'],
  [
    /^(__param|__modver|\.modinfo|__versions|__obsparm|\.gnu\.linkonce\.this_module)$/,
    'module-info',
  ],
  [/^(___ksymtab|___kcrctab|__ksymtab_strings|\.export_symbol)/, 'export'],
  [/^\.ksplice\.(call_(pre_|check_|post_|fail_)?(apply|reverse)|undo_safe)$/, 'hook'],
  [/^\.kpatch\.(force|ignore\.(functions|sections))$/, 'hook'],
  [/^\.note|^\.comment$|^\.discard/, 'ignored'],
  // What KASAN's constructors, made by the compiler, tell it of all variables: read when they are
  // called, for the red zones behind them. Variables of new code have none, and need none.
  [/^\.data\.\.LASAN(LOC)?\d+$|^\.text\.(startup\._sub_I|exit\._sub_D)_\d+_\d+$/, 'ignored'],
  // Names of the tracepoints in use, for a check when the kernel is linked; then they are discarded.
  [/^__tracepoint_check$/, 'ignored'],
  // Lists all printk formats in debugfs (printk/index); nothing runs from it.
  [/^\.printk_index$/, 'ignored'],
  // What UBSAN's checks tell their handler: without symbols, and numbered through the file.
  [/^\.data\.\.Lubsan_/, 'constants'],
  // The compiler's list of the padding before functions: on x86 nobody reads it.
  [/^__patchable_function_entries$/, 'ignored'],
  [/^\.altinstr_(replacement|aux)$|^\.fixup$/, 'replacement'],
];

/** Writable and read-only data by name; everything else allocated is unknown. */
const dataNames = /^\.(data|bss|rodata|ref\.data|lrodata|ldata|lbss)(\.|$)/;

/** The part that a section plays. */
export function sectionRole(section: Section): SectionRole {
  const { name, flags, type } = section;
  if (!inMemory.has(type)) return 'ignored';
  // ORC tables of 6.1 objects and .discard sections may lack ALLOC; debug sections always do.
  if (SPECIAL_TABLES.has(name)) return 'table';
  for (const [pattern, role] of rules) if (pattern.test(name)) return role;
  if (!(flags & SHF_ALLOC)) return 'ignored';
  if (flags & SHF_EXECINSTR) return 'code';
  if (flags & SHF_MERGE) return flags & SHF_STRINGS ? 'strings' : 'constants';
  return dataNames.test(name) ? 'data' : 'unknown';
}
