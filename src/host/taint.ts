// The kernel's taint flags, as bits of /proc/sys/kernel/tainted
// (Documentation/admin-guide/tainted-kernels.rst).

/** By bit number: its letter, and what it says of the kernel. */
const FLAGS: readonly (readonly [letter: string, meaning: string])[] = [
  ['P', 'a proprietary module was loaded'],
  ['F', 'a module was loaded by force'],
  ['S', 'the processor is out of its specification'],
  ['R', 'a module was unloaded by force'],
  ['M', 'the processor reported a machine check'],
  ['B', 'a page of memory was in a bad state'],
  ['U', 'a user program asked for it'],
  ['D', 'the kernel has died: an oops or a BUG'],
  ['A', 'a table of ACPI was replaced'],
  ['W', 'the kernel issued a warning'],
  ['C', 'a driver from staging was loaded'],
  ['I', 'a bug of the firmware was worked around'],
  ['O', 'a module from outside of the kernel tree was loaded'],
  ['E', 'an unsigned module was loaded'],
  ['L', 'a processor was locked up'],
  ['K', 'the kernel was live patched'],
  ['X', 'the distribution set its own flag'],
  ['T', 'the layout of structures is random'],
  ['N', 'a test ran in the kernel'],
];

/** Of these flags nobody may think that the kernel is whole. */
const DAMAGE: readonly string[] = ['M', 'B', 'D', 'L'];
/** These can be the doing of new code. */
const COMPLAINTS: readonly string[] = ['B', 'D', 'W', 'L'];

export interface TaintFlag {
  readonly letter: string;
  readonly meaning: string;
}

/** The flags that are set in a number of /proc/sys/kernel/tainted, the lowest bit first. */
export function taintFlags(tainted: number): TaintFlag[] {
  const bits = BigInt(tainted);
  const known = FLAGS.map(([letter, meaning], bit) => ({ letter, meaning, bit }));
  return known
    .filter(({ bit }) => (bits >> BigInt(bit)) & 1n)
    .map(({ letter, meaning }) => ({ letter, meaning }));
}

/** Those after which only a reboot makes the kernel whole. */
export function damageFlags(tainted: number): TaintFlag[] {
  return taintFlags(tainted).filter(({ letter }) => DAMAGE.includes(letter));
}

/** Those that came since, and that an update may have caused. */
export function newComplaints(before: number, now: number): TaintFlag[] {
  const old = taintFlags(before).map(({ letter }) => letter);
  const since = taintFlags(now).filter(({ letter }) => !old.includes(letter));
  return since.filter(({ letter }) => COMPLAINTS.includes(letter));
}
