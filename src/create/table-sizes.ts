// Asks the kernel's headers for the layout of special tables: one small object,
// compiled once for a work tree with the command that made one of kbuild's own.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ElfObject } from '../elf/object.js';
import { readTableSizes, type TableSizes, tablesProbeSource } from '../elf/tables.js';
import { KspliceError } from '../errors.js';
import type { Ui } from '../ui.js';
import { parseCmdFile } from './cmd-file.js';
import { errorLines } from './kbuild.js';
import { runTool } from './tool.js';
import type { Workspace } from './workspace.js';

/** `make modules_prepare` compiles this with the flags that every C object gets. */
const MODEL = 'scripts/mod/empty';

/** @throws KspliceError `command-failed` if the headers do not fit the probe */
export async function askTableSizes({ kbuild, area }: Workspace, ui: Ui): Promise<TableSizes> {
  const version = createHash('sha256').update(tablesProbeSource).digest('hex').slice(0, 12);
  const source = join(area, `tables-${version}.c`);
  const object = join(area, `tables-${version}.o`);
  if (!existsSync(object)) {
    writeFileSync(source, tablesProbeSource);
    const cmdFile = join(kbuild.objects, 'scripts/mod/.empty.o.cmd');
    const model = parseCmdFile(readFileSync(cmdFile, 'utf8'), cmdFile);
    const [program = '', ...words] = model.commands[0] ?? [];
    const args = words
      .filter((word) => !word.startsWith('-Wp,-M'))
      .map((word) => (word === `${MODEL}.o` ? `${object}.new` : word))
      .map((word) => (word === model.source ? source : word));
    const result = await runTool(program, args, { cwd: kbuild.objects, signal: ui.signal });
    if (result.status !== 0) {
      const lines = errorLines(result.output, kbuild.tree);
      throw new KspliceError('command-failed', `the table probe fails:\n${lines.join('\n')}`, {
        advice: 'This kernel has special tables of a kind that is not known here.',
        details: lines,
      });
    }
    renameSync(`${object}.new`, object);
  }
  return readTableSizes(new ElfObject(readFileSync(object), object));
}
