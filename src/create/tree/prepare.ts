// Makes the mirrored tree ready to compile single objects as the distribution
// compiled them, and makes sure that they will be the same: kbuild silently drops
// an option whose tool is not installed, and structs then change their layout.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import type { ToolResult } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { isFromHeaders, makeUnprepared, removePrepared, takeFromHeaders } from './from-headers.js';
import {
  differingOptions,
  errorLines,
  type Kbuild,
  type KernelHeaders,
  make,
  missingPackages,
  readAutoconf,
} from './kbuild.js';

/**
 * Makes the tree ready for makeObjects(): the short way if the headers allow it, or the full one.
 * @param config the distribution's .config
 * @throws KspliceError `missing-tool`, `kernel-mismatch`, `wrong-compiler`, `command-failed`
 */
export async function prepareTree(kbuild: Kbuild, config: string, ui: Ui): Promise<void> {
  checkVersion(kbuild);
  const stamp = join(kbuild.objects, '.prepared');
  rmSync(stamp, { force: true });
  const why = await takeFromHeaders(kbuild, config, ui);
  if (why === undefined) {
    ui.detail("generated headers and kbuild's tools are those of the headers package");
    writeFileSync(stamp, '');
    return;
  }
  ui.detail(`kbuild prepares the work tree: ${why}`);
  await prepareFully(kbuild, config, ui);
}

/**
 * The full way: configures the tree and builds kbuild's own tools.
 * @throws KspliceError as prepareTree()
 */
export async function prepareFully(kbuild: Kbuild, config: string, ui: Ui): Promise<void> {
  const stamp = join(kbuild.objects, '.prepared');
  rmSync(stamp, { force: true });
  const text = readFileSync(config);
  if (isFromHeaders(kbuild)) removePrepared(kbuild);
  writeFileSync(join(kbuild.objects, '.config'), text);
  const targets = ['olddefconfig', 'modules_prepare'];
  const result = await make(kbuild, targets, ui);
  if (result.status !== 0) throw prepareFailed(kbuild, targets, result.output);
  compareConfiguration(kbuild, ui);
  writeFileSync(stamp, '');
}

/** Whether prepareTree() has been through with this tree. */
export function isPrepared(kbuild: Kbuild): boolean {
  return existsSync(join(kbuild.objects, '.prepared'));
}

/** The full way, for what the short one is not enough for. */
export async function prepareRest(kbuild: Kbuild, ui: Ui): Promise<void> {
  if (isFromHeaders(kbuild)) await prepareFully(kbuild, join(kbuild.objects, '.config'), ui);
}

/**
 * Has kbuild make single objects, as a build of the kernel would.
 * @returns what make said; whether an object was made is seen from its file
 */
export async function makeObjects(
  kbuild: Kbuild,
  words: readonly string[],
  ui: Ui,
): Promise<ToolResult> {
  const run = isFromHeaders(kbuild) ? makeUnprepared : make;
  return await run(kbuild, words, ui);
}

function prepareFailed(kbuild: Kbuild, targets: readonly string[], output: string): KspliceError {
  const packages = missingPackages(output, kbuild.headers.compiler);
  if (packages.length > 0) {
    return new KspliceError('missing-tool', `the kernel's build needs ${packages.join(', ')}`, {
      advice: `Install: apt-get install ${packages.join(' ')}`,
      details: { packages },
    });
  }
  const lines = errorLines(output, kbuild.tree).slice(-15);
  return new KspliceError(
    'command-failed',
    `make ${targets.join(' ')} failed:\n${lines.join('\n')}`,
    {
      advice: 'Run the command again with -v to see the whole output of make.',
      details: { lines },
    },
  );
}

function checkVersion(kbuild: Kbuild): void {
  const makefile = join(kbuild.tree, 'Makefile');
  const text = existsSync(makefile) ? readFileSync(makefile, 'utf8') : '';
  const field = (name: string) => new RegExp(`^${name} = (\\d+)$`, 'm').exec(text)?.[1];
  const [version, patchlevel, sublevel] = ['VERSION', 'PATCHLEVEL', 'SUBLEVEL'].map(field);
  if (version === undefined) {
    throw new KspliceError('no-source', 'the source directory is not a kernel source tree', {
      advice: 'Give the directory that holds the top-level Makefile of the kernel.',
    });
  }
  const header = join(kbuild.headers.dir, 'include/generated/uapi/linux/version.h');
  if (!existsSync(header)) return;
  const wanted = /LINUX_VERSION_CODE (\d+)/.exec(readFileSync(header, 'utf8'))?.[1];
  const code =
    (Number(version) << 16) + (Number(patchlevel) << 8) + Math.min(Number(sublevel), 255);
  if (wanted === undefined || Number(wanted) === code) return;
  const w = Number(wanted);
  throw new KspliceError(
    'kernel-mismatch',
    `the source is ${version}.${patchlevel}.${sublevel}, the headers of ${kbuild.headers.release} are ${w >> 16}.${(w >> 8) & 255}.${w & 255}`,
    {
      advice: `Install the linux-source package of the version that made ${kbuild.headers.release}.`,
    },
  );
}

// These say what tool was there, not what code comes out.
const WITHOUT_EFFECT =
  /^CONFIG_(CC_VERSION_TEXT|PAHOLE_VERSION|RUSTC?_\w+|BINDGEN_VERSION_TEXT|AS_VERSION|LD_VERSION)$/;

/** Compares what kbuild made of the configuration with the headers'. */
function compareConfiguration(kbuild: Kbuild, ui: Ui): void {
  const path = join(kbuild.objects, 'include/generated/autoconf.h');
  const ours = readAutoconf(readFileSync(path, 'utf8'));
  const differing = differingOptions(ours, kbuild.headers.options);
  const harmless = differing.filter((name) => WITHOUT_EFFECT.test(name));
  for (const name of harmless) {
    ui.detail(`${name} is ${ours.get(name)}, was ${kbuild.headers.options.get(name)}`);
  }
  const others = differing.filter((name) => !WITHOUT_EFFECT.test(name));
  const rust = onlyWithRust(ours, kbuild.headers.options, others);
  if (rust.length > 0) {
    ui.detail(`for code in C as in the kernel, without Rust here: ${rust.join(', ')}`);
    writeFileSync(path, definitions(rust, kbuild.headers.options), { flag: 'a' });
  }
  const fatal = others.filter((name) => !rust.includes(name));
  if (fatal.length > 0) throw configurationDiffers(kbuild.headers, ours, fatal);
}

/** Of these options another tool may be missing. */
const OF_OTHER_TOOLS = /BTF|PAHOLE|GCC_PLUGIN/;

/**
 * Options that kbuild drops where the kernel's compiler for Rust is not installed. Nothing in Rust is
 * compiled here; but code in C asks for those options, and is to be the same as in the kernel. Make
 * does not know of them: it would want that compiler.
 * @param differing names of options
 */
export function onlyWithRust(
  ours: ReadonlyMap<string, string>,
  theirs: ReadonlyMap<string, string>,
  differing: readonly string[],
): string[] {
  if (ours.has('CONFIG_RUST') || !theirs.has('CONFIG_RUST')) return [];
  return differing.filter((name) => !ours.has(name) && !OF_OTHER_TOOLS.test(name));
}

/** As lines of autoconf.h. */
function definitions(names: readonly string[], options: ReadonlyMap<string, string>): string {
  return names.map((name) => `#define ${name} ${options.get(name)}\n`).join('');
}

function configurationDiffers(
  headers: KernelHeaders,
  ours: ReadonlyMap<string, string>,
  names: readonly string[],
): KspliceError {
  const compiler = names.some((name) => /^CONFIG_(GCC|CLANG)_VERSION$/.test(name));
  const options = names.map((name) => ({
    option: name,
    here: ours.get(name) ?? null,
    kernel: headers.options.get(name) ?? null,
  }));
  const shown = options
    .slice(0, 5)
    .map((d) => `${d.option} (kernel: ${d.kernel ?? 'not set'}, here: ${d.here ?? 'not set'})`);
  if (names.length > 5) shown.push(`and ${names.length - 5} more`);
  if (compiler) {
    return new KspliceError(
      'wrong-compiler',
      `the kernel was built by another compiler: ${shown[0]}`,
      {
        advice: `It was built by ${headers.options.get('CONFIG_CC_VERSION_TEXT')}: install the Debian package ${headers.compiler} of that version.`,
        details: { options },
      },
    );
  }
  return new KspliceError(
    'kernel-mismatch',
    `the kernel's configuration cannot be reproduced here: ${shown.join(', ')}`,
    { advice: adviceFor(names), details: { options } },
  );
}

function adviceFor(names: readonly string[]): string {
  if (names.some((name) => /BTF|PAHOLE/.test(name))) {
    return 'kbuild drops these options without pahole: install the Debian package dwarves.';
  }
  if (names.some((name) => /GCC_PLUGIN/.test(name))) {
    return 'The kernel was built with compiler plugins: install the plugin package of its compiler.';
  }
  return 'Check that .config, headers and source belong to the same kernel release: run configure again.';
}
