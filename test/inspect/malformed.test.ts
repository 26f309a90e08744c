// An update may come from anywhere. Damaged modules are refused in words, or
// shown as what they are now; nothing of the runtime's own is ever thrown.

import { expect, test } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { ElfObject } from '../../src/elf/object.js';
import { inspectUpdate } from '../../src/inspect/inspection.js';
import { inspectionPage } from '../../src/inspect/page.js';
import { overviewLines } from '../../src/inspect/terminal.js';
import { PROGRAM_SECTION, type Update, type UpdateModule } from '../../src/update/update.js';
import { damage, type Pick, random } from '../fuzz/damage.js';
import { makeUpdate } from './support/update.js';

const CASES = 400;

/** Some bytes of a match program are others. */
function flip(object: ElfObject, data: Buffer, pick: Pick): Buffer {
  const copy = Buffer.from(data);
  const { offset, size } = object.section(PROGRAM_SECTION)!;
  for (let i = 0; i <= pick(3); i++) copy[offset + pick(size)] = pick(256);
  return copy;
}

test.each([
  ['new', damage],
  ['old', flip],
])('a damaged %s-code module is shown or refused', (which, harm) => {
  const update = makeUpdate();
  const pick = random(7);
  const outcomes = { shown: 0, refused: 0 };
  for (let index = 0; index < CASES; index++) {
    const module = update.modules.get(which)!;
    const data = harm(module.info.object, module.data, pick);
    try {
      look(update, module, data);
      outcomes.shown++;
    } catch (error) {
      if (!(error instanceof KspliceError)) throw error;
      outcomes.refused++;
    }
  }
  expect(outcomes.shown).toBeGreaterThan(0);
  expect(outcomes.refused).toBeGreaterThan(0);
});

function look(update: Update, module: UpdateModule, data: Buffer): void {
  const object = new ElfObject(data, module.file);
  const damaged = { ...module, data, info: { ...module.info, object } };
  const modules = new Map([...update.modules, [module.module, damaged]]);
  const inspection = inspectUpdate({ ...update, modules });
  overviewLines(inspection);
  inspectionPage(inspection);
}
