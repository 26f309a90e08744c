// create --build-modules: the changed modules as a build of the patched source
// would make them, for the disk: what is loaded after the next boot has the fix.
//
// kbuild makes them in a copy of its directory, because objects that it makes from
// patched source must never be taken for the running code.

import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { count } from '../../base/words.js';
import { moduleName } from '../../module/loaded-name.js';
import type { PatchedFile } from '../change/patched-file.js';
import { UndoStack } from '../invocation/undo-stack.js';
import { errorLines, make, withoutDebugInfo } from '../tree/kbuild.js';
import { KbuildLists } from '../tree/kbuild-lists.js';
import { prepareRest } from '../tree/prepare.js';
import type { Workspace } from '../tree/workspace.js';
import type { ChangedTarget } from '../values.js';

/**
 * Builds the modules that change, from the patched source.
 * @param directory for kbuild and for the modules; made here
 * @returns the modules' files
 * @throws KspliceError `compile-failed`, `command-failed`
 */
export async function buildFixedModules(
  workspace: Workspace,
  files: readonly PatchedFile[],
  changed: readonly ChangedTarget[],
  directory: string,
  ui: Ui,
): Promise<string[]> {
  const modules = await kbuildNames(workspace, changed, ui);
  if (modules.length === 0) {
    ui.warn('no module changes, so --build-modules has none to build');
    return [];
  }
  // modpost and the link need more than objects do.
  await prepareRest(workspace.kbuild, ui);
  ui.stage(`building ${count(modules.length, 'module')} from the patched source`);
  const objects = join(directory, 'objects');
  cpSync(workspace.kbuild.objects, objects, {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
  });
  const modpost = modpostWithSymbols(workspace, modules, directory);
  const undo = new UndoStack();
  try {
    workspace.patched.patch(files, undo);
    await build({ ...workspace.kbuild, objects }, modules, modpost, ui);
  } finally {
    for (const what of undo.unwind()) ui.warn(`could not put back ${what}`);
  }
  const finished = join(directory, 'modules');
  mkdirSync(finished);
  return modules.map((module) => {
    const file = join(finished, `${moduleName(module)}.ko`);
    copyFileSync(join(objects, `${module}.ko`), file);
    return file;
  });
}

/** As kbuild calls the changed modules: "net/sctp/sctp". */
async function kbuildNames(
  { kbuild }: Workspace,
  changed: readonly ChangedTarget[],
  ui: Ui,
): Promise<string[]> {
  const lists = new KbuildLists(kbuild, ui);
  const names: string[] = [];
  for (const { target, objects } of changed) {
    // An object that the patch adds is in no list of the tree as it is.
    const listed = await Promise.all(objects.map(({ label }) => lists.objectOf(label)));
    const modules = listed.flatMap((object) => object?.modules ?? []);
    const name = modules.find((module) => moduleName(module) === target);
    if (name !== undefined) names.push(name);
  }
  return names;
}

/**
 * modpost takes symbol versions from objects of a whole build, which there is
 * not; the distribution's list has them.
 * @returns a program that stands for modpost
 */
function modpostWithSymbols(
  { kbuild }: Workspace,
  modules: readonly string[],
  directory: string,
): string {
  // What a module exports it is about to export anew.
  const own = new Set(modules);
  const all = readFileSync(join(kbuild.headers.dir, 'Module.symvers'), 'utf8').split('\n');
  const others = all.filter((line) => !own.has(line.split('\t')[2] ?? ''));
  const symvers = join(directory, 'Module.symvers');
  writeFileSync(symvers, others.join('\n'));
  const program = join(directory, 'modpost');
  writeFileSync(program, `#!/bin/sh\nexec scripts/mod/modpost -i '${symvers}' "$@"\n`);
  chmodSync(program, 0o755);
  return program;
}

async function build(
  kbuild: Workspace['kbuild'],
  modules: readonly string[],
  modpost: string,
  ui: Ui,
): Promise<void> {
  const variables = [...withoutDebugInfo(kbuild.headers.makeVariables), `MODPOST=${modpost}`];
  const targets = modules.map((module) => `${module}.ko`);
  const { output, status } = await make(kbuild, [...variables, ...targets], ui);
  const missing = modules.filter((name) => !existsSync(join(kbuild.objects, `${name}.ko`)));
  const undefinedSymbols = output.match(/^.*modpost: .* undefined!$/gm) ?? [];
  if (status === 0 && missing.length === 0 && undefinedSymbols.length === 0) return;
  const lines = [...errorLines(output, kbuild.tree), ...undefinedSymbols];
  throw new KspliceError(
    'command-failed',
    `kbuild cannot make ${modules.map((name) => basename(name)).join(', ')} of the patched source:\n${lines.slice(-20).join('\n')}`,
    {
      advice: 'Leave out --build-modules, or correct the patch so that the whole module builds.',
      details: { lines },
    },
  );
}
