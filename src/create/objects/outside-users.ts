// Who calls a function whose prototype changes, and is not compiled for the update: assembly,
// files that declare it themselves, and BPF programs. They go on calling it as before.

import { isAbsolute, join, normalize, relative } from 'node:path';
import { machine } from '../../arch/index.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { changedHeads } from '../../layout/heads.js';
import type { PatchedFile } from '../change/patched-file.js';
import type { Kbuild } from '../tree/kbuild.js';
import type { CompiledObject } from '../values.js';
import { PLACES } from './includers.js';

/** By the function's name: "arch/x86/entry/entry_64.S:12", or a BPF program in words. */
export type OutsideUsers = ReadonlyMap<string, string>;

/**
 * An entry of a list of functions that BPF programs may call, or be called from. The verifier goes by the
 * prototype in the kernel's BTF, which no update changes: so the file itself counts as well.
 */
const BPF_LIST = /\bBTF_ID(?:_FLAGS)?\s*\(\s*func\s*,\s*(\w+)/;

const COMMENT = /^\s*(\*|\/\*|\/\/|# )/;

export async function findOutsideUsers(
  files: readonly PatchedFile[],
  objects: readonly Pick<CompiledObject, 'made'>[],
  { tree, objects: build }: Pick<Kbuild, 'tree' | 'objects'>,
  ui: Pick<Ui, 'signal'>,
): Promise<OutsideUsers> {
  const names = [...new Set(files.flatMap(({ before, after }) => changedHeads(before, after)))];
  const found = new Map<string, string>();
  if (names.length === 0) return found;
  const compiled = new Set(
    objects.flatMap(({ made }) =>
      [made.source, ...made.dependencies].map((path) =>
        relative(tree, normalize(isAbsolute(path) ? path : join(build, path))),
      ),
    ),
  );
  const pattern = `\\b(${names.join('|')})\\b`;
  const args = ['-rsnE', '--include=*.[cS]', pattern, ...PLACES.split(' ')];
  const { stdout } = await runTool('grep', args, {
    cwd: tree,
    signal: ui.signal,
    encoding: 'latin1',
  });
  for (const line of stdout.split('\n')) {
    const [, path, number, text] = /^([^:]+):(\d+):(.*)$/.exec(line) ?? [];
    if (path === undefined || text === undefined) continue;
    const place = `${path}:${number}`;
    const listed = BPF_LIST.exec(text)?.[1];
    for (const name of names) {
      if (found.has(name)) continue;
      if (listed === name) found.set(name, `a BPF program that knows it from ${place}`);
      else if (!compiled.has(path) && isUse(path, text, name)) found.set(name, place);
    }
  }
  return found;
}

/** Of C only a declaration in the file itself: whoever includes the header is compiled. */
function isUse(path: string, text: string, name: string): boolean {
  const word = new RegExp(`\\b${name}\\b`);
  if (!word.test(text) || COMMENT.test(text)) return false;
  if (path.endsWith('.S')) return path.startsWith(`${machine.tree.folder}/`);
  return new RegExp(`^(?!static\\b)[a-zA-Z][\\w\\s*]*\\b${name}\\s*\\(.*\\)[^{}]*;`).test(text);
}
