// `ksplice-ts configure`: finds the parts, makes sure that they belong to the
// same kernel, and only then writes the directory.

import { release as runningRelease } from 'node:os';
import { resolve } from 'node:path';
import { execa } from 'execa';
import { KspliceError, type Problem, problemsError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import { holdsKernel } from '../kernel/image-tree.js';
import { openKernelImage } from '../kernel/kernel-files.js';
import type { KernelFiles } from '../kernel/kernel-in-files.js';
import { readBuildTree, sourceOfBuild } from './build-tree.js';
import { compilerProblem } from './compiler.js';
import { headersProblem, imageProblem, revisionIsUnknown, sourceProblem } from './fit.js';
import { readFlags } from './flags.js';
import { flavourProblem } from './flavour.js';
import { findHeaders, type Headers, headerPlaces, readHeaders } from './headers.js';
import { findSource, readSource, type Source } from './kernel-source.js';
import { supportProblems } from './support.js';
import { findSystemMap, mapProblem, type SystemMap } from './system-map.js';
import { toolchainWords } from './toolchain.js';
import { writeConfdir } from './write.js';

export interface ConfigureOptions {
  readonly confdir: string;
  /** Default: that of `build`, the image's, or the running kernel's. */
  readonly release?: string | undefined;
  /** Where the kernel was built. Default: what /lib/modules/RELEASE/build leads to. */
  readonly build?: string | undefined;
  /** Default: what the kernel was built from, else in /usr/src. `null`: none, which is enough for create with --module. */
  readonly source?: string | null | undefined;
  /** Default: / if the kernel is installed there, else where it was built. */
  readonly image?: string | undefined;
}

/** What the directory now holds. */
export interface Configured {
  readonly release: string;
  readonly headers: Headers;
  readonly source: Source | undefined;
  readonly image: string | undefined;
  readonly systemMap: string;
  readonly symbols: number;
}

interface Image {
  readonly path: string;
  readonly files: KernelFiles;
}

/**
 * Makes or renews a configuration directory. Nothing is written unless
 * everything fits.
 * @throws KspliceError with all problems together: `no-headers`, `no-source`,
 *   `no-image`, `bad-image`, `kernel-mismatch`, `wrong-compiler`, …
 */
export async function configure(options: ConfigureOptions, ui: Ui): Promise<Configured> {
  const problems: Problem[] = [];
  const { build } = options;
  const named =
    build === undefined
      ? undefined
      : await collect(problems, async () => readHeaders(resolve(build)));
  const wanted = options.release ?? named?.release;
  const image = await collect(problems, () => openImage(options, wanted, ui));
  const release = wanted ?? image?.files.release ?? runningRelease();
  const headers =
    build === undefined ? await collect(problems, async () => findHeaders(release)) : named;
  const source = await collect(problems, () => sourceFor(options, release, headers, ui));
  const map = await collect(problems, async () => mapFor(release, options, headers, image));

  ui.stage('checking that release, headers, source and compiler belong together');
  problems.push(...(await misfits({ release, headers, source, image, map }, options.confdir)));
  if (problems.length > 0 || !headers || !map) {
    throw problemsError('kernel-mismatch', `cannot configure for ${release}`, problems);
  }
  if (source && revisionIsUnknown(source, headers)) {
    ui.detail(
      `${source.dir} is ${source.version}; nothing in it shows whether it is revision ${headers.packageVersion}`,
    );
  }
  writeConfdir(options.confdir, {
    systemMap: map.text,
    config: headers.config,
    links: { build: headers.dir, source: source?.dir, image: image && resolve(image.path) },
  });
  const symbols = map.text.split('\n').length - 1;
  return { release, headers, source, image: image?.path, systemMap: map.origin, symbols };
}

/** The value, or undefined and one problem more. */
async function collect<T>(problems: Problem[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof KspliceError) || error.code === 'interrupted') throw error;
    const { code, message, advice } = error;
    problems.push({ code, message, advice });
    return undefined;
  }
}

async function openImage(
  options: ConfigureOptions,
  release: string | undefined,
  ui: Ui,
): Promise<Image | undefined> {
  const path = options.image ?? defaultImage(options.build, release ?? runningRelease());
  if (path === undefined) return undefined;
  ui.stage(`reading the kernel image in ${path}`);
  const wanted = release ?? (options.image === undefined ? runningRelease() : undefined);
  return { path, files: await openKernelImage(path, ui, wanted ? { release: wanted } : {}) };
}

/** The kernel that is installed, else the one that was built. */
function defaultImage(build: string | undefined, release: string): string | undefined {
  if (holdsKernel('/', release)) return '/';
  const places = build === undefined ? headerPlaces(release) : [build];
  return places.map((place) => readBuildTree(place)?.image).find((image) => image !== undefined);
}

async function sourceFor(
  options: ConfigureOptions,
  release: string,
  headers: Headers | undefined,
  ui: Ui,
): Promise<Source | undefined> {
  if (options.source === null) return undefined;
  if (options.source !== undefined) return readSource(resolve(options.source));
  return (headers && sourceOfBuild(headers)) ?? (await findSource(release, ui));
}

/** An image that cannot be read is a problem already; that the map is missing too says nothing new. */
function mapFor(
  release: string,
  options: ConfigureOptions,
  headers: Headers | undefined,
  image: Image | undefined,
): SystemMap | undefined {
  if (options.image !== undefined && !image) return undefined;
  return findSystemMap(release, image, headers && readBuildTree(headers.dir)?.systemMap);
}

interface Parts {
  readonly release: string;
  readonly headers: Headers | undefined;
  readonly source: Source | undefined;
  readonly image: Image | undefined;
  readonly map: SystemMap | undefined;
}

async function misfits(parts: Parts, confdir: string): Promise<Problem[]> {
  const { release, headers, source, image, map } = parts;
  if (!headers) return [];
  const flags = readFlags(confdir);
  const words = [...toolchainWords(headers.config, flags), ...flags];
  const compiler =
    headers.compiler === undefined ? undefined : await compilerProblem(headers.compiler, words);
  const found = [
    headersProblem(headers, release),
    image && imageProblem(image.files, headers, image.path),
    image && map && mapProblem(map, image.files.symbols),
    source && (sourceProblem(source, headers) ?? flavourProblem(source, headers)),
    compiler,
    headers.needsPahole ? await paholeProblem() : undefined,
  ];
  const misfitting = found.filter((problem) => problem !== undefined);
  return [...misfitting, ...supportProblems(headers.config)];
}

/** Without pahole, kbuild turns CONFIG_DEBUG_INFO_BTF off, and struct module gets another layout. */
async function paholeProblem(): Promise<Problem | undefined> {
  const done = await execa('pahole', ['--version'], { reject: false });
  if (done.code !== 'ENOENT') return undefined;
  return {
    code: 'missing-tool',
    message: 'the kernel is configured with BTF, and pahole is not installed',
    advice: 'Install it: apt-get install dwarves',
  };
}
