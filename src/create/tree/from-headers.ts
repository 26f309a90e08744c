// The short way to a prepared work tree: the kernel's headers package holds what
// `make modules_prepare` would make, from the very build that the kernel came from.
// Generated headers and kbuild's own tools are taken from there, and kbuild is told
// that its target `prepare` is done. What is not certain to come out the same, or is
// not in the headers, is left to the full way (prepare.ts).

import {
  accessSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { machine } from '../../arch/index.js';
import { runTool, type ToolResult } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { llvmTool } from '../../configure/toolchain.js';
import { differingOptions, type Kbuild, type KernelHeaders, variableOf } from './kbuild.js';

/** Where kbuild works if it does not find what it needs there: all that is taken from the headers. */
const PLACES = ['include', machine.tree.headers, 'scripts', 'tools'];

/** Whole directories of generated headers. */
const GENERATED = ['include/generated', `${machine.tree.headers}/generated`];

/** Without these no object can be made. */
const NEEDED_FILES = [
  'include/config/auto.conf',
  'include/config/kernel.release',
  'include/generated/autoconf.h',
  'include/generated/asm-offsets.h',
  'include/generated/bounds.h',
  'include/generated/timeconst.h',
  'include/generated/utsrelease.h',
  'include/generated/uapi/linux/version.h',
  machine.tree.syscalls,
];

/** kbuild's own tools, and the option with which objects cannot be made without; "" for always. */
const TOOLS: readonly (readonly [path: string, option: string | undefined])[] = [
  ['scripts/basic/fixdep', ''],
  ['scripts/genksyms/genksyms', 'CONFIG_MODVERSIONS'],
  ['scripts/recordmcount', 'CONFIG_FTRACE_MCOUNT_USE_RECORDMCOUNT'],
  ['tools/objtool/objtool', 'CONFIG_OBJTOOL'],
  // Its name before Linux 5.19.
  ['tools/objtool/objtool', 'CONFIG_STACK_VALIDATION'],
  ['scripts/mod/modpost', undefined],
  ['scripts/asn1_compiler', undefined],
  ['scripts/bin2c', undefined],
];

/** With these the build makes something of its own that no headers package has. */
const OPTIONS_OF_OWN_MAKING = [
  'CONFIG_GCC_PLUGINS',
  'CONFIG_RANDSTRUCT',
  'CONFIG_TRIM_UNUSED_KSYMS',
];

/**
 * Says that kbuild's directory has its tools and generated headers from the headers package,
 * and what that package's files were.
 */
const mark = (kbuild: Kbuild) => join(kbuild.objects, '.from-headers');

/** Whether the tree was prepared the short way. */
export function isFromHeaders(kbuild: Kbuild): boolean {
  return existsSync(mark(kbuild));
}

/** Whether the headers are others than those that the tree was prepared from. */
export function haveHeadersChanged(kbuild: Kbuild): boolean {
  return isFromHeaders(kbuild) && readFileSync(mark(kbuild), 'utf8') !== pictureOf(kbuild.headers);
}

/** Tells versions of all that is taken apart. */
function pictureOf({ dir }: KernelHeaders): string {
  const generated = GENERATED.filter((path) => existsSync(join(dir, path))).flatMap((path) =>
    readdirSync(join(dir, path), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(path, name),
    ),
  );
  const paths = [...generated, ...NEEDED_FILES, ...TOOLS.map(([path]) => path)].sort();
  const lines = paths.map((path) => {
    const stats = statSync(join(dir, path), { throwIfNoEntry: false });
    if (stats?.isDirectory()) return '';
    return `${path} ${stats ? `${stats.ino}:${stats.size}:${stats.mtimeMs}` : '-'}\n`;
  });
  return lines.join('');
}

/**
 * Prepares kbuild's directory from the headers, if that can be done.
 * @param config the distribution's .config
 * @returns why not, in words for a debug message; undefined if it was done
 */
export async function takeFromHeaders(
  kbuild: Kbuild,
  config: string,
  ui: Ui,
): Promise<string | undefined> {
  const why =
    lacking(kbuild.headers) ??
    otherOptions(readFileSync(config, 'utf8'), kbuild.headers) ??
    (await otherTools(kbuild, ui));
  if (why !== undefined) return why;
  removePrepared(kbuild);
  const { dir } = kbuild.headers;
  const take = (path: string) => {
    const place = join(kbuild.objects, path);
    mkdirSync(dirname(place), { recursive: true });
    copyFileSync(join(dir, path), place);
  };
  writeFileSync(mark(kbuild), pictureOf(kbuild.headers));
  writeFileSync(join(kbuild.objects, '.config'), readFileSync(config));
  for (const path of GENERATED) {
    cpSync(join(dir, path), join(kbuild.objects, path), { recursive: true, dereference: true });
  }
  for (const path of NEEDED_FILES.filter((name) => name.startsWith('include/config/'))) take(path);
  // What auto.conf was made from; it is newer than all of that.
  writeFileSync(join(kbuild.objects, 'include/config/auto.conf.cmd'), '');
  for (const [path] of TOOLS) if (isTool(dir, path)) take(path);
  return undefined;
}

/** Takes out what one way has prepared, so that the other starts from nothing; objects stay. */
export function removePrepared(kbuild: Kbuild): void {
  for (const path of PLACES) rmSync(join(kbuild.objects, path), { recursive: true, force: true });
  rmSync(mark(kbuild), { force: true });
}

/** What the headers lack of all that is needed. */
export function lacking({ dir, options }: KernelHeaders): string | undefined {
  const own = OPTIONS_OF_OWN_MAKING.find((name) => options.has(name));
  if (own !== undefined) return `the kernel has ${own}`;
  const file = NEEDED_FILES.find((path) => !existsSync(join(dir, path)));
  if (file !== undefined) return `the headers have no ${file}`;
  const tool = TOOLS.find(
    ([path, option]) =>
      option !== undefined && (option === '' || options.has(option)) && !isTool(dir, path),
  );
  return tool && `the headers have no ${tool[0]} that can be run`;
}

function isTool(dir: string, path: string): boolean {
  try {
    accessSync(join(dir, path), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether a .config says something else than the headers. */
export function otherOptions(config: string, { options }: KernelHeaders): string | undefined {
  const wanted = new Map<string, string>();
  for (const [, name = '', value = ''] of config.matchAll(/^(CONFIG_\w+)=(.*)$/gm)) {
    if (value === 'm') wanted.set(`${name}_MODULE`, '1');
    else if (value === 'y') wanted.set(name, '1');
    // A hexadecimal number may stand there without its 0x.
    else wanted.set(name, options.get(name) === `0x${value}` ? `0x${value}` : value);
  }
  const [differing] = differingOptions(wanted, options);
  return differing && `.config and the headers differ in ${differing}`;
}

// Kconfig asks these tools what they can do, and options depend on the answers.
async function otherTools(kbuild: Kbuild, ui: Ui): Promise<string | undefined> {
  const { options, makeVariables } = kbuild.headers;
  const named = makeVariables.find((word) =>
    /^(LLVM_\w*|(LD|AS|ARCH|CROSS_COMPILE)\w*)=/.test(word),
  );
  if (named !== undefined) return `the flags have ${named}`;
  const llvm = variableOf(makeVariables, 'LLVM');
  const compiler = variableOf(makeVariables, 'CC') ?? (llvm ? kbuild.headers.compiler : 'gcc');
  const ask = async (program: string, args: readonly string[]) => {
    const { stdout, status } = await runTool(program, args, {
      cwd: kbuild.objects,
      signal: ui.signal,
    }).catch(() => ({ stdout: '', status: 1 }));
    return status === 0 ? (stdout.split('\n')[0] ?? '') : '';
  };
  const asAssembler = ['-Wa,--version', '-c', '-x', 'assembler', '/dev/null', '-o', '/dev/null'];
  const [cc, as, ld] = await Promise.all([
    ask(compiler, ['--version']),
    ask(compiler, asAssembler),
    ask(llvm ? llvmTool('ld.lld', llvm) : 'ld', ['--version']),
  ]);
  if (cc !== options.get('CONFIG_CC_VERSION_TEXT')?.slice(1, -1)) return `the compiler is ${cc}`;
  const tools: [name: string, text: string][] = llvm
    ? [['CONFIG_LLD_VERSION', ld]] // The assembler is the compiler.
    : [
        ['CONFIG_AS_VERSION', as],
        ['CONFIG_LD_VERSION', ld],
      ];
  for (const [name, text] of tools) {
    const wanted = options.get(name);
    if (wanted !== undefined && wanted !== '0' && wanted !== toolVersion(text)) {
      return `${name} is ${wanted}, and here is ${text}`;
    }
  }
  return undefined;
}

/** As kbuild counts: "GNU ld (GNU Binutils for Debian) 2.40" is 24000, "LLD 14.0.6" 140006. */
function toolVersion(text: string): string | undefined {
  const [, major, minor, patch = '0'] =
    /^(?:GNU (?:assembler|ld).*|(?:.* )?LLD) (\d+)\.(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  if (major === undefined) return undefined;
  // A day in place of a patch number, as 2.40.20230101, does not count.
  const last = Number(patch) > 99 ? 0 : Number(patch);
  return String(Number(major) * 10_000 + Number(minor) * 100 + last);
}

/**
 * Runs make in a tree that was prepared the short way: the part of the top Makefile
 * that works in kbuild's directory, with `prepare` taken for done.
 */
export function makeUnprepared(
  kbuild: Kbuild,
  words: readonly string[],
  ui: Ui,
): Promise<ToolResult> {
  const [tree, objects] = [realpathSync(kbuild.tree), realpathSync(kbuild.objects)];
  const args = ['-rR', `--include-dir=${tree}`, '-f', join(tree, 'Makefile')];
  args.push('-o', 'prepare', `-j${kbuild.jobs}`, '--no-print-directory');
  return runTool('make', [...args, ...kbuild.headers.makeVariables, ...words], {
    cwd: objects,
    signal: ui.signal,
    onLine: (line) => ui.detail(line),
    // What the outer part hands to it.
    environment: {
      sub_make_done: '1',
      abs_srctree: tree,
      abs_objtree: objects,
      KBUILD_VERBOSE: '0',
      quiet: 'quiet_',
      Q: '@',
    },
  });
}
