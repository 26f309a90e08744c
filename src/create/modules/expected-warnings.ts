// What kbuild's tools warn of when they make an update's modules, and what says nothing of the patch. Pure.

const EXPECTED: readonly RegExp[] = [
  // Symbols that livepatch relocations will resolve are unknown to modpost, which is told to warn only.
  /^WARNING: modpost: (.*undefined!|suppressed .*)$/,
  /^Skipping BTF generation/,
  /^warning: the compiler differs/,
  /^ {2}(The kernel was built by|You are using):/,
  // On kernels with IBT: the list of replaced functions is read for places to jump to, directly.
  /: warning: objtool: changes\+0x[0-9a-f]+: data relocation to !ENDBR: /,
];

/** Any other line that warns is about the new code, or our fault. */
export function isExpected(line: string): boolean {
  return EXPECTED.some((pattern) => pattern.test(line));
}
