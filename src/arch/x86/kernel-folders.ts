// Where the machine's files lie in a kernel's source, and what kbuild calls it.

import type { KernelTree, MemoryMap } from '../machine.js';

export const tree: KernelTree = {
  folder: 'arch/x86',
  headers: 'arch/x86/include',
  syscalls: 'arch/x86/include/generated/asm/syscalls_64.h',
  option: 'X86_64',
  names: ['x86', 'x86_64'],
  makeVariables: ['ARCH=x86', 'SRCARCH=x86', 'BITS=64'],
  // Two files there map the vdso into processes; the others are what is mapped.
  vdso: /^arch\/x86\/entry\/vdso\/(?!(vma|extable)\.[co]$)/,
  apart: /^arch\/x86\/(boot|realmode|purgatory)\//,
  tools: /^arch\/x86\/tools\//,
};

/** arch/x86/include/asm/pgtable_64_types.h; the image is at CONFIG_PHYSICAL_START in the kernel's mapping. */
export const memory: MemoryMap = {
  kernel: 0xffffffff80000000n,
  link: 0xffffffff81000000n,
  modules: 0xffffffffc0000000n,
  free: 0xffffffffe0000000n,
  newCode: 0xfffffffff0000000n,
  newCodeFree: 0xfffffffff8000000n,
};
