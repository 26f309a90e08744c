// What is called how in a new-code module. The kernel has the old functions still, and tracers
// refuse a name that kallsyms has twice; so all that new code defines has the update's id in
// its name: `do_nanosleep.ksplice_ID`. This is the one place that knows how.
//
// A dot, as in the names that the compiler makes: of a name with one, the kernel takes the part
// before it for what may be probed (within_kprobe_blacklist()). And `.cold` stays the end of a
// name: objtool finds the function that a cold part belongs to by what is before it.

import { createHash } from 'node:crypto';

/** KSYM_NAME_LEN without the final NUL; 128 before Linux 6.1, and tools have buffers for as many. */
const LONGEST = 127;
/** Room that is left for `.cold` and a number. */
const COLD = 10;
const HASH = 12;

/**
 * What a function or variable of the patched source is called in new code. Different names stay
 * different: of one that is too long, a checksum takes the place of the end.
 * @param name as the compiler made it
 * @param id of the update
 */
export function newCodeName(name: string, id: string): string {
  const [, whole = name, cold = ''] = /^(.*?)(\.cold(?:\.\d+)?)?$/s.exec(name) ?? [];
  const suffix = `.ksplice_${id}`;
  const room = LONGEST - COLD - suffix.length;
  if (whole.length <= room) return whole + suffix + cold;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, HASH);
  return `${whole.slice(0, room - HASH - 1)}_${hash}${suffix}${cold}`;
}

/**
 * The name as the source has it, for people to read; also of a place in the kernel's words,
 * `do_nanosleep.ksplice_ID+0x6f/0x130 [ksplice_ID_vmlinux_new]`. Other names stay as they are.
 */
export function plainName(text: string): string {
  return text.replace(/\.ksplice_[a-z0-9]{1,16}(?=(?:\.cold(?:\.\d+)?)?(?:[+\s]|$))/, '');
}
