// The special tables: which there are, and how their entries look.

import { CONSTANT, CONSTANTS_SECTION, DEBUG_MESSAGES, type TableSizes } from '../elf/tables.js';

/** What is known about one kind of table. */
export interface TableKind {
  readonly name: string;
  /** In bytes. */
  readonly entrySize: number;
  /**
   * Whether an entry can differ though the code at its site is the same. The
   * others only list places in the code (lock prefixes, returns, unwinding
   * facts): equal code has equal entries, and they are not even decoded.
   */
  readonly compared: boolean;
  /** Bytes of an entry that mean nothing for what the code does (line numbers): [offset, length]. */
  readonly ignored?: readonly [offset: number, length: number];
  /** Offsets in an entry of the lengths of the original and of its replacement (alternatives). */
  readonly replacement?: { readonly field: number; readonly length: number };
}

type Layout = (sizes: TableSizes) => Omit<TableKind, 'name'>;

const pointers: Layout = () => ({ entrySize: 8, compared: false });
/** PC-relative places. */
const places: Layout = () => ({ entrySize: 4, compared: false });

const LAYOUTS: Readonly<Record<string, Layout>> = {
  '.altinstructions': (sizes) => ({
    entrySize: sizes.altInstr,
    compared: true,
    replacement: { field: 4, length: sizes.altReplacementLength },
  }),
  '.parainstructions': (sizes) => ({ entrySize: sizes.paravirt, compared: true }),
  __bug_table: (sizes) => ({
    entrySize: sizes.bug,
    compared: true,
    ...(sizes.bugLine > 0 ? { ignored: [sizes.bugLine, 2] as const } : {}),
  }),
  __ex_table: (sizes) => ({ entrySize: sizes.exception, compared: true }),
  __jump_table: (sizes) => ({ entrySize: sizes.jump, compared: true }),
  // The key is named again by the call in the code (__SCT__x), the flags follow from call or jump.
  '.static_call_sites': (sizes) => ({ entrySize: sizes.staticCall, compared: false }),
  '.orc_unwind_ip': places,
  __mcount_loc: pointers,
  '.smp_locks': places,
  '.retpoline_sites': places,
  '.return_sites': places,
  '.call_sites': places,
  '.ibt_endbr_seal': places,
  '.cfi_sites': places,
  // Made of the kernel's lists of operands that it fills in at boot: runtime-constants.ts.
  [CONSTANTS_SECTION]: () => ({ entrySize: CONSTANT.size, compared: true }),
  // NOKPROBE_SYMBOL(f): the address of f, in a variable of its own.
  _kprobe_blacklist: pointers,
};

/** For objtool alone: in no running kernel. */
const FOR_OBJTOOL: Readonly<Record<string, Layout>> = {
  '.discard.reachable': places,
  '.discard.retpoline_safe': places,
  // What the place is, in newer kernels: one table for all that objtool cannot know.
  '.discard.annotate_insn': () => ({ entrySize: 8, compared: false }),
};

/**
 * The tables of a running kernel whose entries belong to the code at their site. `.orc_unwind` goes with
 * `.orc_unwind_ip`, entry by entry. What is in the last three are variables: descriptors of dynamic debug,
 * formats of trace_printk(), which the kernel copies out of each module, and strings for trace events,
 * which it lists.
 */
export const SPECIAL_TABLES: ReadonlySet<string> = new Set([
  ...Object.keys(LAYOUTS),
  '.orc_unwind',
  ...DEBUG_MESSAGES,
  '__trace_printk_fmt',
  '__tracepoint_str',
]);

/** All kinds of tables for a kernel with these entry layouts. */
export function tableKinds(sizes: TableSizes): TableKind[] {
  const all = Object.entries({ ...LAYOUTS, ...FOR_OBJTOOL });
  return all.map(([name, layout]) => ({ name, ...layout(sizes) }));
}
