// The configuration directory: all that `create` has to know about a kernel.
// `configure` makes one; a user may as well, in the manner of ksplice:
//
//   System.map  symbols of the kernel
//   .config     its configuration
//   build       link to its headers (what /lib/modules/RELEASE/build leads to)
//   source      link to its source; may be missing, `create` can be given one
//   image       link to its image package or a capture; may be missing, then
//               nothing is proved before it is applied
//   flags       words for make's command line; lines that start with # are
//               skipped; may be missing

import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { KspliceError, type Problem, problemsError } from '../base/errors.js';
import { isPlaceholder } from '../kernel/kallsyms-text.js';
import { readFlags } from './flags.js';
import { type Headers, readHeaders } from './headers.js';
import { supportProblems } from './support.js';
import { toolchainWords } from './toolchain.js';

export interface Confdir {
  /** All paths are absolute, links followed. */
  readonly dir: string;
  readonly release: string;
  readonly systemMap: string;
  readonly config: string;
  readonly build: string;
  readonly source: string | undefined;
  readonly image: string | undefined;
  /** Further words for make's command line: "CC=gcc-12", and those that name the tools of the kernel's build. */
  readonly flags: readonly string[];
}

/**
 * Reads a configuration directory.
 * @throws KspliceError `bad-confdir` with everything that is wrong with it, `kernel-mismatch` with
 *   everything in the kernel's configuration that cannot be supported
 */
export async function readConfdir(dir: string): Promise<Confdir> {
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new KspliceError('bad-confdir', `${dir} is no configuration directory`, {
      advice: `Make one: ksplice-ts configure ${dir}`,
    });
  }
  const problems: Problem[] = [];
  const required = (name: string, what: string): string => {
    const path = follow(dir, name);
    if (path !== undefined) return path;
    problems.push({ code: 'bad-confdir', message: `${name} (${what}) is missing`, advice });
    return '';
  };
  const systemMap = required('System.map', "the kernel's symbols");
  const config = required('.config', "the kernel's configuration");
  const build = required('build', "a link to the kernel's headers");
  if (systemMap !== '' && isPlaceholder(firstLine(systemMap))) {
    problems.push({
      code: 'bad-confdir',
      message: 'System.map holds no symbols; it is a placeholder, or empty',
      advice,
    });
  }
  const headers = build === '' ? undefined : headersIn(build, problems);
  if (problems.length > 0 || !headers) {
    throw problemsError('bad-confdir', `${dir} is not a usable configuration directory`, problems);
  }
  const { release } = headers;
  refuseUnsupported(dir, release, [headers.config, readFileSync(config, 'utf8')]);
  const flags = readFlags(dir);
  return {
    dir: realpathSync(dir),
    release,
    systemMap,
    config,
    build,
    source: optional(dir, 'source'),
    image: optional(dir, 'image'),
    flags: [...toolchainWords(headers.config, flags), ...flags],
  };
}

const advice = 'Run `ksplice-ts configure` on the directory; it collects these files.';

function follow(dir: string, name: string): string | undefined {
  try {
    return realpathSync(join(dir, name));
  } catch {
    return undefined;
  }
}

/** A link that leads nowhere is not the same as none. */
function optional(dir: string, name: string): string | undefined {
  const path = follow(dir, name);
  if (path === undefined && lstatSync(join(dir, name), { throwIfNoEntry: false })) {
    throw new KspliceError('bad-confdir', `${join(dir, name)} leads to nothing`, { advice });
  }
  return path;
}

function firstLine(path: string): string {
  const head = Buffer.alloc(512);
  const fd = openSync(path, 'r');
  try {
    return head.toString('latin1', 0, readSync(fd, head));
  } finally {
    closeSync(fd);
  }
}

function headersIn(build: string, problems: Problem[]): Headers | undefined {
  try {
    return readHeaders(build);
  } catch (error) {
    if (!(error instanceof KspliceError)) throw error;
    problems.push({ code: 'bad-confdir', message: error.message, advice: error.advice });
    return undefined;
  }
}

/** Whether headers and .config say the same is seen later, when kbuild has read them. */
function refuseUnsupported(dir: string, release: string, configs: readonly string[]): void {
  const all = configs.flatMap(supportProblems);
  const once = [...new Map(all.map((problem) => [problem.message, problem])).values()];
  if (once.length === 0) return;
  throw problemsError('kernel-mismatch', `${dir}: ${release} cannot be patched`, once);
}
