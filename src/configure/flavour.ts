// Kernels of one version come in flavours: Debian builds its real-time kernels from the same
// source with further patches, which the source package does not have applied. Versions cannot
// tell that. But whoever ships headers for building modules ships the kernel's own header files,
// and each of them is in the source that the kernel was built from, byte for byte.

import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { machine } from '../arch/index.js';
import type { Problem } from '../base/errors.js';
import type { Headers } from './headers.js';
import { type Source, sourcePackage } from './kernel-source.js';
import { readText } from './texts.js';

/** What kbuild makes there itself, so that no source has it. */
const MADE = new Set([
  'include/config',
  'include/generated',
  join(machine.tree.headers, 'generated'),
  'include/ksym',
]);
/** How many of the files that differ are named. */
const NAMED = 3;
/** Where distributions put sources, and patches for them. */
const PATCH_PLACE = '/usr/src';

/** The source is that of another flavour, or of another revision than its version says. */
export function flavourProblem(source: Source, headers: Headers): Problem | undefined {
  const common = kernelHeaders(headers.dir);
  if (common === undefined || common === source.dir) return undefined;
  const files = differingHeaders(common, source.dir);
  if (files.length === 0) return undefined;
  const rest = files.length - NAMED;
  const names = files.slice(0, NAMED).join(', ') + (rest > 0 ? `, ${rest} more` : '');
  return {
    code: 'kernel-mismatch',
    message: `the source in ${source.dir} is not the one that ${headers.release} was built from: header files differ from those in ${common} (${names})`,
    advice: flavourAdvice(source, headers),
  };
}

/**
 * Where the kernel's own header files are: the Makefile of a headers package, or of a directory that
 * O= named, leads there; else it is the directory itself. undefined if they are not there.
 */
export function kernelHeaders(dir: string): string | undefined {
  const makefile = readText(join(dir, 'Makefile')) ?? '';
  const named = /^-?include (\/\S+)\/Makefile$/m.exec(makefile)?.[1];
  // Packages that were unpacked elsewhere lie beside each other.
  const places = named ? [named, join(dirname(dir), basename(named)), dir] : [dir];
  const found = places.find((place) => existsSync(join(place, 'include/linux/kernel.h')));
  return found && realpathSync(found);
}

/** Header files that the source does not have, or has otherwise; sorted. */
export function differingHeaders(common: string, source: string): string[] {
  return ['include', machine.tree.headers]
    .flatMap((folder) => filesBelow(common, join(common, folder)))
    .filter((file) => !isSame(join(common, file), join(source, file)))
    .sort();
}

function filesBelow(root: string, folder: string): string[] {
  if (MADE.has(relative(root, folder)) || !existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(root, place);
    return entry.name.endsWith('.h') ? [relative(root, place)] : [];
  });
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((file) => statSync(file, { throwIfNoEntry: false }));
  if (!a || !b || a.size !== b.size) return false;
  return readFileSync(one).equals(readFileSync(other));
}

function flavourAdvice({ version, dir }: Source, { release, config, packageVersion }: Headers) {
  const name = sourcePackage(release);
  const debian = packageVersion === undefined ? '' : `=${packageVersion}`;
  const own = localVersions(dir);
  if (own.length > 0 && !/^CONFIG_PREEMPT_RT=y$/m.test(config)) {
    return `Patches of another flavour are in it (${own.join(', ')}). Name a source without them with --source DIR: apt-get install ${name}${debian}`;
  }
  if (!/^CONFIG_PREEMPT_RT=y$/m.test(config)) {
    return `Name the source that this very kernel was built from, with the same patches, with --source DIR: apt-get install ${name}${debian}, or the source package that has the flavour's patches.`;
  }
  const series = /^\d+\.\d+/.exec(version)?.[0];
  const patch = join(PATCH_PLACE, `linux-patch-${series}-rt.patch.xz`);
  const where = existsSync(patch)
    ? `with \`xzcat ${patch} | patch -p1\` in a copy of it`
    : `to a copy of it (\`quilt push -a\`); Debian has them in debian/patches-rt of its source package: apt-get source ${name}${debian}`;
  return `The kernel has CONFIG_PREEMPT_RT: apply the real-time patches of that version ${where}. Then name the copy with --source DIR.`;
}

/** The files that add to the release's name; patches of a flavour bring one ("localversion-rt"). */
function localVersions(dir: string): string[] {
  return readdirSync(dir).filter((name) => /^localversion(?!.*~$)/.test(name));
}
