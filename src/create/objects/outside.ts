// Code that is compiled with the kernel and is not part of the running kernel.

import { machine } from '../../arch/index.js';

const VDSO = 'the vdso is mapped into every process and runs there';

/** The first pattern that fits counts. */
const OUTSIDE: readonly (readonly [RegExp, string])[] = [
  [machine.tree.vdso, VDSO],
  [/^lib\/vdso\//, VDSO],
  [machine.tree.apart, 'it runs before the kernel proper, or after it'],
  [/^drivers\/firmware\/efi\/libstub\//, 'it runs before the kernel proper'],
  [/^usr\//, 'it makes the initial file system'],
  [/\.(tbl|asn1|uc|pl|awk|[chS]_shipped)$/, 'a special build rule makes code of it'],
];

/** Why a file or object is not compiled as it is, to run in the kernel's address space while it runs. */
export function whyOutside(path: string): string | undefined {
  return OUTSIDE.find(([pattern]) => pattern.test(path))?.[1];
}
