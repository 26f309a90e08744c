// Calling make in the mirrored tree, with the variables that make the result
// the same as the distribution's: its compiler, its release, its build strings.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import { runTool, type ToolResult } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { compilerCommand } from '../../configure/compiler.js';

/** What the distribution's headers say about how the kernel was built. */
export interface KernelHeaders {
  /** The directory that `build` in the confdir leads to. */
  readonly dir: string;
  readonly release: string;
  /** CONFIG_* → value, from include/generated/autoconf.h. */
  readonly options: ReadonlyMap<string, string>;
  /** Command name of the compiler: "gcc-12", "clang". */
  readonly compiler: string;
  /** Variables for make's command line. */
  readonly makeVariables: readonly string[];
}

/** The first gcc that describes types in BTF, as CONFIG_GCC_VERSION counts. */
const GCC_WITH_BTF = 120_000;

/** Whether clang built the kernel. The differ then needs debugging information (src/diff/members.ts). */
export function isOfClang({ options }: Pick<KernelHeaders, 'options'>): boolean {
  return options.has('CONFIG_CC_IS_CLANG');
}

/**
 * The flags with which the compiler puts the types of a file into its object; undefined if it cannot.
 * clang has no BTF for this machine, and what it writes by default has its names at a third place.
 */
export function flagsForTypes({ options }: KernelHeaders): readonly string[] | undefined {
  if (isOfClang({ options })) return ['-g', '-gdwarf-4'];
  const hasBtf = Number(options.get('CONFIG_GCC_VERSION') ?? 0) >= GCC_WITH_BTF;
  return hasBtf ? ['-g', '-gdwarf-5', '-gbtf'] : undefined;
}

/** Reads autoconf.h as kbuild writes it: `#define CONFIG_X value`. */
export function readAutoconf(text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const match of text.matchAll(/^#define (CONFIG_\w+) (.*)$/gm)) {
    options.set(match[1] as string, match[2] as string);
  }
  return options;
}

/**
 * @param dir the headers of the running kernel
 * @param flags further words for make's command line, from the confdir
 * @throws KspliceError `no-headers`
 */
export function readBuildHeaders(
  dir: string,
  release: string,
  flags: readonly string[],
): KernelHeaders {
  const generated = (name: string) => {
    const path = join(dir, 'include/generated', name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  };
  const autoconf = generated('autoconf.h');
  if (autoconf === '') {
    throw new KspliceError('no-headers', `${dir} holds no headers of a configured kernel`, {
      advice: `Install the Debian package linux-headers-${release}, then run configure again.`,
    });
  }
  const options = readAutoconf(autoconf);
  const text = options.get('CONFIG_CC_VERSION_TEXT') ?? '';
  const isClang = isOfClang({ options });
  const compiler = isClang
    ? compilerCommand(text.slice(1, -1), flags)
    : (/^"([\w.+-]*gcc[\w.-]*) /.exec(text)?.[1] ?? 'gcc');
  // For clang the flags have it (toolchain.ts); a CC of ours would hide that of LLVM=.
  const makeVariables = isClang ? [] : [`CC=${compiler}`];
  makeVariables.push(`KERNELRELEASE=${release}`);
  const define = (name: string, header: string) =>
    new RegExp(`^#define ${name}\\s+"?([^"\\n]*)"?$`, 'm').exec(header)?.[1]?.trim();
  const by = define('LINUX_COMPILE_BY', generated('compile.h'));
  const host = define('LINUX_COMPILE_HOST', generated('compile.h'));
  if (by) makeVariables.push(`KBUILD_BUILD_USER=${by}`);
  if (host) makeVariables.push(`KBUILD_BUILD_HOST=${host}`);
  // Debian's addition, in three objects: " Debian 6.1.1-1".
  const [distributor, version] = (define('LINUX_PACKAGE_ID', generated('package.h')) ?? '').split(
    ' ',
  );
  if (distributor && version) {
    makeVariables.push('DISTRIBUTION_OFFICIAL_BUILD=1');
    makeVariables.push(`DISTRIBUTOR=${distributor}`, `DISTRIBUTION_VERSION=${version}`);
  }
  return { dir, release, options, compiler, makeVariables: [...makeVariables, ...flags] };
}

/** The value that make's command line gives a variable: the last one counts. */
export function variableOf(words: readonly string[], name: string): string | undefined {
  return words.findLast((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Options that only one has, or that have another value; sorted. */
export function differingOptions(
  ours: ReadonlyMap<string, string>,
  theirs: ReadonlyMap<string, string>,
): string[] {
  const names = new Set([...ours.keys(), ...theirs.keys()]);
  return [...names].filter((name) => ours.get(name) !== theirs.get(name)).sort();
}

/**
 * Words for make that leave out debug information, which nothing reads and which changes no code.
 * Nor is there BTF then, which is made of it: where the headers have the kernel's, kbuild fails without.
 * @param words others for the same call: its owner's flags for the compiler stay
 */
export function withoutDebugInfo(words: readonly string[]): string[] {
  const flags = ['KCFLAGS', 'KAFLAGS'].map((name) => {
    const given = words.findLast((word) => word.startsWith(`${name}=`)) ?? `${name}=`;
    return `${given} -g0`;
  });
  return [...flags, 'CONFIG_DEBUG_INFO_BTF_MODULES='];
}

/** A tree and the directory where kbuild works for it. */
export interface Kbuild {
  readonly tree: string;
  readonly objects: string;
  readonly headers: KernelHeaders;
  readonly jobs: number;
  /** Sectioned objects get type information. */
  readonly types?: boolean;
}

/** Runs make; its lines are details for -v. The exit status is the caller's to judge. */
export function make(kbuild: Kbuild, targets: readonly string[], ui: Ui): Promise<ToolResult> {
  const args = ['-C', kbuild.tree, `O=${kbuild.objects}`, `-j${kbuild.jobs}`];
  args.push('--no-print-directory', ...kbuild.headers.makeVariables, ...targets);
  return runTool('make', args, {
    cwd: kbuild.tree,
    signal: ui.signal,
    onLine: (line) => ui.detail(line),
  });
}

// What make says when a tool or library that the kernel's build needs is absent.
const SYMPTOMS: readonly (readonly [symptom: RegExp, debianPackage: string])[] = [
  [/\bbison: (command )?not found/, 'bison'],
  [/\bflex: (command )?not found/, 'flex'],
  [/\bbc: (command )?not found/, 'bc'],
  [/\bperl: (command )?not found/, 'perl'],
  [/\bpython3: (command )?not found/, 'python3'],
  [/\bld\.lld(-\d+)?: (command )?not found/, 'lld'],
  [/\bllvm-\w+(-\d+)?: (command )?not found/, 'llvm'],
  [/gelf\.h|libelf\.h|cannot find -lelf|libelf[^\n]*not found/, 'libelf-dev'],
  [/openssl\/\w+\.h|cannot find -lcrypto/, 'libssl-dev'],
  [/zlib\.h|cannot find -lz\b/, 'zlib1g-dev'],
];

/** The packages that a failed make asks for. */
export function missingPackages(output: string, compiler: string): string[] {
  const found = SYMPTOMS.flatMap(([symptom, name]) => (symptom.test(output) ? [name] : []));
  const escaped = compiler.replace(/[.+]/g, '\\$&');
  if (new RegExp(`\\b${escaped}: (command )?not found`).test(output)) found.push(compiler);
  return found;
}

/** The lines of a failed make that tell why, without make's own trailer lines. */
export function errorLines(output: string, tree: string): string[] {
  return output
    .replaceAll(`${tree}/`, '')
    .split('\n')
    .filter(
      (line) => line.trim() !== '' && !/^(make(\[\d+\])?: | {2}[A-Z]+ +(\[M\])? )/.test(line),
    );
}
