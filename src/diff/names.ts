// What the compiler and the kernel's macros do to names, with a symbol of a
// real kernel for each rule.

import type { Part } from './parts.js';

/**
 * Never correlated: compared by content and taken along afresh where new code
 * uses them. They are constants, or state that may start anew.
 *
 *     __func__.12            tcp_v4_err; __FUNCTION__ and __PRETTY_FUNCTION__ are the same
 *     __key.3                lock class keys: one more class does no harm
 *     __already_done.10      WARN_ONCE in tcp_v4_do_rcv: warns once more
 *     __warned.7             lockdep's and old WARN_ONCE
 *     _rs.4                  ratelimit state of net_err_ratelimited
 *     CSWTCH.55              table of a switch that the compiler turned into a lookup
 *     descriptor.2           dynamic debug before 5.2; now __UNIQUE_ID_ddebug612.19
 *     __msg.8, ____fmt.1     netlink extended acknowledgements, BPF formats
 *
 * clang puts the function before a static local's name (`walk.__key`), and behind that of
 * `__func__` (`__func__.walk`).
 */
const fresh =
  /^(\w+\.)?(__func__|__FUNCTION__|__PRETTY_FUNCTION__|__key|__already_done|__warned|__print_once|_rs|CSWTCH|descriptor|__msg|____fmt)(\.\d+)*$|^__(func|FUNCTION|PRETTY_FUNCTION)__\.\w+$|^(\w+\.)?__UNIQUE_ID_ddebug\d+(\.\d+)?$/;

/** Whether a symbol is compared by content and taken along afresh. */
export function isFresh(name: string): boolean {
  return fresh.test(name);
}

/**
 * A static local's name without its number: `___done.12` → `___done`;
 * undefined for other names. (`___done` is DO_ONCE's flag: were it fresh,
 * inet_ehash_secret would be drawn again under established connections.)
 *
 * clang calls the `count` of a function `walk` "walk.count", and a second one in it "walk.count.1". Of any
 * static struct it may make a variable for each member, "state.0" and "state.1". None of these names
 * says for certain which variable one is.
 */
export function staticLocalBase(name: string): string | undefined {
  const numbered = /^(.+)\.\d+$/.exec(name)?.[1];
  if (coldParent(name) !== undefined || variantFamily(name) !== undefined) return numbered;
  return /^\w+\.([A-Za-z_]\w*)(\.\d+)*$/.exec(name)?.[1] ?? numbered;
}

/** The name that a variable has in the source: of a static local without its number. */
export function sourceName(name: string): string {
  return staticLocalBase(name) ?? name;
}

/**
 * `__BTF_ID__struct__sk_buff__11074631` → `__BTF_ID__struct__sk_buff`: the rest is
 * made of a counter and the line; undefined for other names.
 */
export function btfIdBase(name: string): string | undefined {
  return /^(__BTF_ID__.+)__\d+$/.exec(name)?.[1];
}

/** `tcp_sk_init.cold` → `tcp_sk_init`; undefined for other names. */
export function coldParent(name: string): string | undefined {
  return /^(.+)\.cold(\.\d+)?$/.exec(name)?.[1];
}

/**
 * A compiler-made variant's name without numbers, so that a renumbered one is
 * found again: `tcp_ld_RTO_revert.part.0` → `tcp_ld_RTO_revert.part`; undefined
 * for a function that is no variant.
 */
export function variantFamily(name: string): string | undefined {
  return /\.(part|constprop|isra|localalias|lto_priv)(\.\d+)?/.test(name)
    ? name.replace(/\.\d+(?=\.|$)/g, '')
    : undefined;
}

/**
 * The name that a function has in the source: of a module's first and last function not the
 * one that module_init() and module_exit() give them, of a variant without what the compiler adds.
 */
export function functionName({ symbol, names }: Pick<Part, 'symbol' | 'names'>): string {
  const own = names.find(({ name }) => !/^(init|cleanup)_module$/.test(name)) ?? symbol;
  return own.name.replace(/\.(part|constprop|isra|localalias|lto_priv|cold)\b.*$/, '');
}
