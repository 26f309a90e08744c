// Which source files a header, or a .c file that others include, takes part in.
// The text of all #include lines is the graph; it is an over-estimate (names
// are compared by their ends, conditions are ignored), and the compiler's own
// dependency lists put it right once the candidates are compiled.

import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { machine } from '../../arch/index.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';

/** Directories with code of the kernel. */
export const PLACES = `${machine.tree.folder} block certs crypto drivers fs include init io_uring ipc kernel lib mm net security sound virt`;

/** A line of a source that includes a file. */
interface Include {
  readonly by: string;
  /** The name without leading dots. */
  readonly name: string;
  /** For a name in quotes: where the compiler looks first, which is beside the file itself. */
  readonly beside: string | undefined;
}

/** Who includes whom, by the text of the sources. */
export class IncludeGraph {
  /** Last component of the included name → who includes it, under which name. */
  private readonly includers = new Map<string, Include[]>();

  /**
   * @param lines as `grep -H` prints them: `FILE:#include "NAME`
   * @param isThere whether the tree has a file
   */
  constructor(
    lines: Iterable<string>,
    private readonly isThere: (path: string) => boolean,
  ) {
    for (const line of lines) {
      const [, by, quote, written] = /^([^:]+):\s*#\s*include\s+(["<])(.+)$/.exec(line) ?? [];
      if (by === undefined || written === undefined) continue;
      const name = written.replace(/^(\.\.?\/)+/, '');
      const key = name.slice(name.lastIndexOf('/') + 1);
      const list = this.includers.get(key);
      const beside = quote === '"' ? normalize(join(dirname(by), written)) : undefined;
      const entry = { by, name, beside };
      if (list) list.push(entry);
      else this.includers.set(key, [entry]);
    }
  }

  /**
   * Every .c and .S file that may include one of `files`, directly or not, sorted, with
   * a shortest way to it: the file that it includes itself first, one of `files` last.
   */
  sourcesOf(files: readonly string[]): Map<string, readonly string[]> {
    const ways = new Map<string, readonly string[]>(files.map((file) => [file, []]));
    // A Map is iterated in the order of insertion, what is added meanwhile included.
    for (const [file, way] of ways) {
      for (const include of this.includers.get(file.slice(file.lastIndexOf('/') + 1)) ?? []) {
        if (ways.has(include.by) || !this.mayMean(include, file)) continue;
        ways.set(include.by, [file, ...way]);
      }
    }
    const sources = [...ways].filter(([file, way]) => way.length > 0 && /\.[cS]$/.test(file));
    return new Map(sources.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Many directories have a file of the same name, such as internal.h. */
  private mayMean({ name, beside }: Include, file: string): boolean {
    if (beside === file) return true;
    if (!(file === name || file.endsWith(`/${name}`))) return false;
    return beside === undefined || !this.isThere(beside);
  }
}

/**
 * Reads the #include lines of the whole tree: some seconds, kept for the next time.
 * @param cache file for the lines
 * @param index file that is rewritten whenever the tree changes
 */
export async function readIncludeGraph(
  tree: string,
  cache: string,
  index: string,
  ui: Ui,
): Promise<IncludeGraph> {
  const time = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (time(cache) <= time(index)) {
    const pattern = '^[[:space:]]*#[[:space:]]*include[[:space:]]+["<][^">]+';
    const args = ['-rHoE', '--include=*.[chS]', pattern, ...PLACES.split(' ')];
    const { stdout } = await runTool('grep', args, { cwd: tree, signal: ui.signal });
    writeFileSync(`${cache}.new`, stdout);
    renameSync(`${cache}.new`, cache);
  }
  const lines = readFileSync(cache, 'utf8').split('\n');
  return new IncludeGraph(lines, (path) => existsSync(join(tree, path)));
}
