// What is compiled with the kernel and is no code of it while it runs.

const VDSO = 'the vdso is mapped into every process and runs there';

/** The first pattern that fits counts. */
const OUTSIDE: readonly (readonly [RegExp, string])[] = [
  // These two map the vdso into processes; the others are what is mapped.
  [/^arch\/x86\/entry\/vdso\/(?!(vma|extable)\.[co]$)/, VDSO],
  [/^lib\/vdso\//, VDSO],
  [/^arch\/x86\/(boot|realmode|purgatory)\//, 'it runs before the kernel proper, or after it'],
  [/^drivers\/firmware\/efi\/libstub\//, 'it runs before the kernel proper'],
  [/^usr\//, 'it makes the initial file system'],
  [/\.(tbl|asn1|uc|pl|awk|[chS]_shipped)$/, 'a rule of its own makes code of it'],
];

/** Why a file or object is not compiled as it is, to run in the kernel's address space while it runs. */
export function whyOutside(path: string): string | undefined {
  return OUTSIDE.find(([pattern]) => pattern.test(path))?.[1];
}
