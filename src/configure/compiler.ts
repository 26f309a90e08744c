// The compiler has to be the one that built the kernel: another makes other
// code, and nothing would match.

import { execa } from 'execa';
import type { Problem } from '../base/errors.js';
import { llvmTool } from './toolchain.js';

/**
 * What is wrong with the compiler, if anything.
 * @param builtWith CONFIG_CC_VERSION_TEXT: the first line of the compiler's --version
 * @param flags the confdir's; CC=… and LLVM=… there name another command
 */
export async function compilerProblem(
  builtWith: string,
  flags: readonly string[],
): Promise<Problem | undefined> {
  const command = compilerCommand(builtWith, flags);
  const done = await execa(command, ['--version'], { reject: false });
  if (done.code === 'ENOENT') {
    return {
      code: 'wrong-compiler',
      message: `the compiler ${command} is not installed; the kernel was built with "${builtWith}"`,
      advice: `Install it: apt-get install ${packagesOf(command)}`,
    };
  }
  const [found = ''] = done.stdout.split('\n');
  if (!done.failed && withoutName(found) === withoutName(builtWith)) return undefined;
  const version = /\(Debian ([^)]+)\)/.exec(builtWith)?.[1];
  const wanted = compilerCommand(builtWith, []);
  const exactly = version === undefined ? 'that version of it' : `${wanted}=${version}`;
  const llvm = flags.findLast((flag) => flag.startsWith('LLVM='));
  const major = /\bclang version (\d+)/.exec(builtWith)?.[1];
  if (major !== undefined) {
    return {
      code: 'wrong-compiler',
      message: `the compiler is "${found}", but the kernel was built with "${builtWith}"`,
      advice: `Install the one that built it, with its linker and tools: apt-get install ${packagesOf(`clang-${major}`)}. Then name it in the confdir's flags: LLVM=-${major}`,
    };
  }
  return {
    code: 'wrong-compiler',
    message: `the compiler is "${found}", but the kernel was built with "${builtWith}"`,
    advice: llvm
      ? `Take ${llvm} out of the confdir's flags.`
      : `Install the compiler that built it: apt-get install ${exactly}. Or name it in the confdir's flags: CC=…`,
  };
}

/** The command that should be the compiler. */
export function compilerCommand(builtWith: string, flags: readonly string[]): string {
  const named = flags.findLast((flag) => flag.startsWith('CC='))?.slice('CC='.length);
  if (named) return named;
  const llvm = flags.findLast((flag) => flag.startsWith('LLVM='))?.slice('LLVM='.length);
  if (llvm) return llvmTool('clang', llvm);
  const first = builtWith.split(' ', 1)[0]!;
  if (/^[a-z0-9_.+-]*(gcc|clang)[a-z0-9_.+-]*$/.test(first)) return first;
  return /\bclang version\b/.test(builtWith) ? 'clang' : 'gcc';
}

/** LLVM's linker and tools are in packages of their own. */
function packagesOf(command: string): string {
  const [isClang, number = ''] = /^clang(-\d+)?$/.exec(command) ?? [];
  return isClang ? ['clang', 'lld', 'llvm'].map((name) => name + number).join(' ') : command;
}

/** "gcc-12 (Debian 12.2.0-14) 12.2.0": the first word is only the name it was called by. */
function withoutName(text: string): string {
  return text.replace(/^\S+ /, '');
}
