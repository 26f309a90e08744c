// Asks the kernel's headers for the layout of special tables: one small object,
// compiled once for a work tree with the command that made one of kbuild's own.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { ElfObject } from '../../elf/object.js';
import { readTableSizes, type TableSizes, tablesProbeSource } from '../../elf/tables.js';
import { parseCmdFile } from './cmd-file.js';
import { errorLines, type Kbuild, withoutDebugInfo } from './kbuild.js';
import { makeObjects, prepareRest } from './prepare.js';
import type { Workspace } from './workspace.js';

/** A whole preparation of the tree compiles this with the flags that every C object gets. */
const MODEL = 'scripts/mod/empty.o';

/**
 * @param model an object of kbuild's, compiled with the kernel's own flags; kbuild
 *   made the tree's own model when it was prepared
 * @throws KspliceError `command-failed` if the headers do not fit the probe
 */
export async function askTableSizes(
  { kbuild, area }: Workspace,
  ui: Ui,
  model = MODEL,
): Promise<TableSizes> {
  const version = createHash('sha256').update(tablesProbeSource).digest('hex').slice(0, 12);
  const source = join(area, `tables-${version}.c`);
  const object = join(area, `tables-${version}.o`);
  const cached = sizesIn(object);
  if (cached) return cached;
  writeFileSync(source, tablesProbeSource);
  const cmdFile = resolve(kbuild.objects, dirname(model), `.${basename(model)}.cmd`);
  if (!existsSync(cmdFile)) await makeModel(kbuild, ui);
  const made = parseCmdFile(readFileSync(cmdFile, 'utf8'), cmdFile);
  const [program = '', ...words] = made.commands[0] ?? [];
  const args = words
    .filter((word) => !word.startsWith('-Wp,-M'))
    // kbuild names the model in full, or from its own directory.
    .map((word, index, all) => (all[index - 1] === '-o' ? `${object}.new` : word))
    .map((word) => (word === made.source ? source : word));
  const result = await runTool(program, args, { cwd: kbuild.objects, signal: ui.signal });
  if (result.status !== 0) {
    const lines = errorLines(result.output, kbuild.tree);
    throw new KspliceError('command-failed', `the table probe fails:\n${lines.join('\n')}`, {
      advice: 'This kernel has a kind of special tables that ksplice-ts does not know.',
      details: { lines },
    });
  }
  renameSync(`${object}.new`, object);
  return readTableSizes(new ElfObject(readFileSync(object), object));
}

/** What an earlier run has asked; undefined if there was none, or its object is damaged. */
export function sizesIn(object: string): TableSizes | undefined {
  if (!existsSync(object)) return undefined;
  try {
    return readTableSizes(new ElfObject(readFileSync(object), object));
  } catch (error) {
    if (error instanceof KspliceError) return undefined;
    throw error;
  }
}

/** Where the tree was prepared from the headers, the model is not there yet. */
async function makeModel(kbuild: Kbuild, ui: Ui): Promise<void> {
  const rule = `ksplice-model: ; @$(MAKE) $(build)=${dirname(MODEL)} ${MODEL}`;
  const words = [...withoutDebugInfo(kbuild.headers.makeVariables), `--eval=${rule}`];
  await makeObjects(kbuild, [...words, 'ksplice-model'], ui);
  if (!existsSync(join(kbuild.objects, MODEL))) await prepareRest(kbuild, ui);
}
