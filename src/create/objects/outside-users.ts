// Who calls a function whose prototype changes, and is not compiled for the update: assembly, and
// files that declare it themselves. They go on calling it as before.

import { isAbsolute, join, normalize, relative } from 'node:path';
import { machine } from '../../arch/index.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { changedHeads } from '../../layout/heads.js';
import type { PatchedFile } from '../change/patched-file.js';
import type { Kbuild } from '../tree/kbuild.js';
import type { CompiledObject } from '../values.js';
import { PLACES } from './includers.js';

/** By the function's name: "arch/x86/entry/entry_64.S:12". */
export type OutsideUsers = ReadonlyMap<string, string>;

const COMMENT = /^\s*(\*|\/\*|\/\/|# )/;

export async function findOutsideUsers(
  files: readonly PatchedFile[],
  objects: readonly Pick<CompiledObject, 'made'>[],
  { tree, objects: place }: Pick<Kbuild, 'tree' | 'objects'>,
  ui: Pick<Ui, 'signal'>,
): Promise<OutsideUsers> {
  const names = [...new Set(files.flatMap(({ before, after }) => changedHeads(before, after)))];
  const found = new Map<string, string>();
  if (names.length === 0) return found;
  const compiled = new Set(
    objects.flatMap(({ made }) =>
      [made.source, ...made.dependencies].map((path) =>
        relative(tree, normalize(isAbsolute(path) ? path : join(place, path))),
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
    if (path === undefined || text === undefined || compiled.has(path)) continue;
    for (const name of names) {
      if (!found.has(name) && isUse(path, text, name)) found.set(name, `${path}:${number}`);
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
