import { describe, expect, test } from 'vitest';
import { supportProblems } from '../../src/configure/support.js';
import { configText as config, NEEDED } from './trees.js';

const messages = (text: string) => supportProblems(text).map(({ message }) => message);

describe('a kernel', () => {
  test('with what is needed can be patched, without livepatch, ftrace and kprobes', () => {
    expect(messages(config(...NEEDED))).toEqual([]);
    expect(messages(config(...NEEDED, 'FUNCTION_TRACER', 'DYNAMIC_FTRACE', 'LIVEPATCH'))).toEqual(
      [],
    );
  });

  test('may have been built by clang', () => {
    expect(messages(config(...NEEDED, 'CC_IS_CLANG', 'AS_IS_LLVM', 'LD_IS_LLD'))).toEqual([]);
  });

  test.each(NEEDED)('without CONFIG_%s cannot', (name) => {
    const without = config(...NEEDED.filter((other) => other !== name));
    expect(messages(`${without}# CONFIG_${name} is not set\n`)).toEqual([
      expect.stringMatching(`CONFIG_${name}\\b`),
    ]);
  });

  test.each([
    'CFI_CLANG',
    'LTO_CLANG_THIN',
    'RANDSTRUCT',
    'GCC_PLUGIN_RANDSTRUCT',
    'RANDSTRUCT_FULL',
    'GCC_PLUGIN_LATENT_ENTROPY',
    'LD_DEAD_CODE_DATA_ELIMINATION',
    'FG_KASLR',
  ])('with CONFIG_%s cannot', (name) => {
    expect(supportProblems(config(...NEEDED, name))).toMatchObject([
      { code: 'kernel-mismatch', message: expect.stringMatching(`CONFIG_${name}\\b`) },
    ]);
  });

  test('is told all that is in the way, each once', () => {
    const clang = config(...NEEDED.slice(1), 'CC_IS_CLANG', 'LTO_CLANG_FULL', 'LTO_CLANG', 'LTO');
    expect(messages(clang)).toHaveLength(2);
  });

  test('needs dynamic ftrace if it has a function tracer', () => {
    expect(messages(config(...NEEDED, 'FUNCTION_TRACER'))).toEqual([
      expect.stringContaining('without CONFIG_DYNAMIC_FTRACE'),
    ]);
  });
});
