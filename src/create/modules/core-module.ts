// The kernel core, built once for a kernel and kept: it is the same for every
// update.

import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirectory } from '../../base/cache.js';
import { listedError, type Problem } from '../../base/errors.js';
import { packageRoot } from '../../base/package-root.js';
import type { Ui } from '../../base/ui.js';
import type { Confdir } from '../../configure/confdir.js';
import { ElfObject } from '../../elf/object.js';
import { KernelSymbols } from '../../extract/kernel-symbols.js';
import { parseSymvers } from '../../extract/symvers.js';
import { convertToLivepatch, type KlpBinding, undefinedSymbols } from '../../module/livepatch.js';
import { UndoStack } from '../invocation/undo-stack.js';
import type { KernelFacts } from '../tree/kernel-facts.js';
import { buildModules } from './build-modules.js';

export interface CoreModule {
  /** ksplice.ko, ready to be loaded. */
  readonly file: string;
  /** Its exports, for modpost. */
  readonly symvers: string;
}

/**
 * @param facts awaited when the core has been compiled, if it must be
 * @throws KspliceError `command-failed` if kbuild cannot build it,
 *   `unresolved-symbol` if this kernel lacks what it needs
 */
export async function provideCore(
  confdir: Confdir,
  facts: Promise<KernelFacts>,
  jobs: number,
  ui: Ui,
): Promise<CoreModule> {
  const sources = fileURLToPath(new URL('kmodsrc/', packageRoot));
  const home = join(cacheDirectory(), 'core');
  const directory = join(home, `${confdir.release}-${coreVersion(sources, confdir)}`);
  const core = { file: join(directory, 'ksplice.ko'), symvers: join(directory, 'Module.symvers') };
  if (existsSync(core.file)) return core;
  ui.stage('building the kernel core');
  const work = `${directory}.${process.pid}`;
  const undo = new UndoStack();
  undo.push(work, () => rmSync(work, { recursive: true, force: true }));
  try {
    mkdirSync(work, { recursive: true });
    for (const name of sourceFiles(sources)) cpSync(join(sources, name), join(work, name));
    await buildModules(confdir, work, [], jobs, ui);
    const ko = readFileSync(join(work, 'ksplice.ko'));
    writeFileSync(join(work, 'ksplice.ko'), convertToLivepatch(ko, bindingsOf(ko, await facts)));
    publish(work, directory);
  } finally {
    undo.unwind();
  }
  return core;
}

/** The facts about the kernel with what the core offers to new code. */
export function withCore(facts: KernelFacts, { symvers }: CoreModule): KernelFacts {
  const offered = parseSymvers(readFileSync(symvers, 'utf8'), symvers);
  return { ...facts, exports: new Map([...facts.exports, ...offered]) };
}

// Whole, or not at all. Another create may have been quicker; either result will do.
function publish(work: string, directory: string): void {
  try {
    renameSync(work, directory);
  } catch (error) {
    if (!existsSync(join(directory, 'ksplice.ko'))) throw error;
  }
}

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { encoding: 'utf8', recursive: true })
    .filter((name) => /\.[ch]$|^Kbuild$/.test(name) && !/\.mod\.c$/.test(name))
    .sort();
}

/** Changes with everything that goes into the core. */
function coreVersion(sources: string, confdir: Confdir): string {
  const hash = createHash('sha256');
  for (const name of sourceFiles(sources)) {
    hash.update(`${name}\0`).update(readFileSync(join(sources, name)));
  }
  hash.update(readFileSync(join(confdir.build, 'Module.symvers')));
  hash.update(readFileSync(confdir.systemMap));
  for (const name of ['autoconf.h', 'utsrelease.h']) {
    hash.update(readFileSync(join(confdir.build, 'include/generated', name)));
  }
  return hash.update(confdir.flags.join('\0')).digest('hex').slice(0, 12);
}

/** What the core uses of the kernel that the kernel does not export. */
function bindingsOf(ko: Buffer, facts: KernelFacts): KlpBinding[] {
  const kernel = KernelSymbols.of(facts.symbols);
  const names = undefinedSymbols(new ElfObject(ko, 'ksplice.ko'));
  const bindings: KlpBinding[] = [];
  const problems: Problem[] = [];
  for (const name of names.filter((name) => !facts.exports.has(name))) {
    const found = kernel.find({ name, local: false, type: 0, address: undefined });
    if (found.kind === 'klp') {
      bindings.push({ symbol: name, ...found });
      continue;
    }
    const advice = found.kind === 'unresolved' ? found.advice : 'This kernel cannot be patched.';
    const message = `the core needs ${name} of the kernel`;
    problems.push({ code: 'unresolved-symbol', message, advice });
  }
  if (problems.length === 0) return bindings;
  throw listedError('unresolved-symbol', 'the core needs symbols of the kernel', problems);
}
