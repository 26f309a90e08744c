// Which tools make is told of: those of the kernel's build, and the owner's words come first.

import { describe, expect, test } from 'vitest';
import { toolchainWords } from '../../src/configure/toolchain.js';
import { configText as config } from './trees.js';

describe('make is told', () => {
  test.each<[string[], string[], string[]]>([
    [['CC_IS_GCC'], [], []],
    [['CC_IS_CLANG', 'AS_IS_LLVM', 'LD_IS_LLD'], [], ['LLVM=1']],
    [['CC_IS_CLANG', 'AS_IS_LLVM', 'LD_IS_LLD'], ['LLVM=-15'], []],
    [['CC_IS_CLANG', 'AS_IS_LLVM', 'LD_IS_LLD'], ['CC=clang-15'], ['LLVM=1']],
    [['CC_IS_CLANG', 'AS_IS_GNU', 'LD_IS_BFD'], [], ['CC=clang', 'LLVM_IAS=0']],
    [['CC_IS_CLANG', 'AS_IS_LLVM', 'LD_IS_BFD'], ['CC=clang-15'], []],
    [['CC_IS_CLANG', 'AS_IS_GNU', 'LD_IS_LLD'], ['W=1'], ['CC=clang', 'LD=ld.lld', 'LLVM_IAS=0']],
  ])('of a kernel with %j and the flags %j: %j', (options, flags, words) => {
    expect(toolchainWords(config(...options), flags)).toEqual(words);
  });
});
