// The tools that built a kernel, in the words that make knows them by. gcc and the binutils need
// no words. What clang built has to be compiled by clang again, and its configuration says which of
// the other tools were LLVM's: a directory of configuration needs no flags for that.

/**
 * Words for make's command line, to stand before the owner's.
 * @param config the kernel's .config
 * @param flags the owner's words: tools that they name are theirs
 */
export function toolchainWords(config: string, flags: readonly string[]): string[] {
  const has = (option: string) => new RegExp(`^CONFIG_${option}=y$`, 'm').test(config);
  const names = (variable: string) => flags.some((word) => word.startsWith(`${variable}=`));
  if (!has('CC_IS_CLANG') || names('LLVM')) return [];
  const [assembler, linker] = [has('AS_IS_LLVM'), has('LD_IS_LLD')];
  if (assembler && linker) return ['LLVM=1'];
  return [
    ...(names('CC') ? [] : ['CC=clang']),
    ...(linker && !names('LD') ? ['LD=ld.lld'] : []),
    ...(assembler ? [] : ['LLVM_IAS=0']),
  ];
}

/** A tool of LLVM's as LLVM= names it: "-14" is the end of its name, "/opt/bin/" the beginning. */
export function llvmTool(name: string, llvm: string): string {
  if (llvm.endsWith('/')) return `${llvm}${name}`;
  return llvm.startsWith('-') ? `${name}${llvm}` : name;
}
