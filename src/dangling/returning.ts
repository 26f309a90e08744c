// Functions of the kernel that return a place in what they were given, or all of it: who keeps the
// result keeps the argument.

import type { Registers } from '../arch/machine.js';
import { expandNames } from './names.js';
import { FIRST, SECOND } from './registers.js';

const first = expandNames(`
  str{chr,chrnul,nchr,nchrnul,rchr,str,nstr,pbrk,im} skip_spaces
  mem{chr,chr_inv,scan} {,__}mem{cpy,move,set} memset{16,32,64}
  str{cpy,ncpy,cat,ncat} strreplace
`);

const results: ReadonlyMap<string, Registers> = new Map([
  ...first.map((name) => [name, FIRST] as const),
  // bsearch(key, table, ...)
  ['bsearch', SECOND],
]);

/** The register of the argument that the result of a function of the kernel leads to; none: 0. */
export function returnedArgument(name: string): Registers {
  return results.get(name) ?? 0;
}
