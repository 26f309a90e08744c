// The modules of an update: new code and old code of each target, built by
// kbuild in one directory.

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../base/package-root.js';
import type { Ui } from '../../base/ui.js';
import type { Confdir } from '../../configure/confdir.js';
import { ElfObject } from '../../elf/object.js';
import type { NewCode } from '../../extract/extraction.js';
import { checkObjtoolTables } from '../../extract/objtool.js';
import { takeOutSealed } from '../../extract/sealed.js';
import {
  type Base,
  renderKbuild,
  renderNewCode,
  renderOldCode,
  shippedObjectCommand,
  sourceNames,
} from '../../extract/templates.js';
import { convertToLivepatch, type KlpBinding } from '../../module/livepatch.js';
import { encodeProgram } from '../../program/encode.js';
import { CORE_MODULE, type Contents, moduleNames } from '../../update/contents.js';
import type { Update } from '../../update/update.js';
import { basesOf } from '../code/bases.js';
import type { TargetCode } from '../values.js';
import { buildModules } from './build-modules.js';
import type { CoreModule } from './core-module.js';
import { repeatForModules } from './repeat-core.js';

/** What the modules are linked to. */
export interface LinkedTo {
  readonly confdir: Confdir;
  readonly core: CoreModule;
  /** Module.symvers files of other modules that are not the kernel's. */
  readonly symvers: readonly string[];
  /** The updates below, the oldest first. */
  readonly below: readonly Update[];
}

/**
 * Builds the modules and makes them ready to be loaded.
 * @param directory an empty one
 * @returns what the update consists of; the files are in `directory`
 * @throws KspliceError `command-failed`
 */
export async function buildUpdateModules(
  id: string,
  targets: readonly TargetCode[],
  { confdir, core, symvers, below }: LinkedTo,
  directory: string,
  jobs: number,
  ui: Ui,
): Promise<Contents> {
  writeModuleSources(id, targets, directory, basesOf(below));
  const files = targets.map(({ target }) => ({ target, ...moduleNames(id, target) }));
  const used = [core.symvers, ...symvers];
  const from = dirname(core.file);
  if (await repeatForModules(from, confdir.build, directory, files, used, jobs, ui)) {
    ui.detail('modules: made with the commands that made the core');
  } else await buildModules(confdir, directory, used, jobs, ui);
  const contents = finishModules(id, targets, core, directory);
  return { ...contents, on: below.map((update) => update.id) };
}

/** Writes all that kbuild needs to build an update's modules in `directory`. */
export function writeModuleSources(
  id: string,
  targets: readonly TargetCode[],
  directory: string,
  bases: readonly Base[] = [],
): void {
  const template = (name: string) =>
    readFileSync(fileURLToPath(new URL(`templates/${name}`, packageRoot)), 'utf8');
  const put = (name: string, data: string | Buffer) => writeFileSync(join(directory, name), data);
  for (const header of ['ksplice.h', 'program.h']) {
    copyFileSync(fileURLToPath(new URL(`kmodsrc/${header}`, packageRoot)), join(directory, header));
  }
  const files = targets.map(({ target }) => ({ target, ...moduleNames(id, target) }));
  put('Kbuild', renderKbuild(template('Kbuild'), id, directory, files));
  for (const { target, generated, newCode, addressesOut } of targets) {
    const { cookie } = generated.program;
    const keep = addressesOut.length > 0;
    const modules = { id, target, cookie, targetCount: targets.length, keep, bases };
    const names = sourceNames(target);
    put(names.newSource, renderNewCode(template('new_code_mod.c'), modules, newCode));
    put(names.newObject, newCode.object);
    put(names.newObjectCommand, shippedObjectCommand(directory, target));
    put(names.oldSource, renderOldCode(template('old_code_mod.c'), modules));
    put(names.program, encodeProgram(generated.program));
  }
}

/** Makes the modules that kbuild built ready to be loaded, and puts the core beside them. */
export function finishModules(
  id: string,
  targets: readonly TargetCode[],
  core: CoreModule,
  directory: string,
): Contents {
  copyFileSync(core.file, join(directory, `${CORE_MODULE}.ko`));
  const changes = targets.map(({ target, newCode }) => {
    const { newModule, oldModule } = moduleNames(id, target);
    const path = join(directory, `${newModule}.ko`);
    const built = readFileSync(path);
    checkObjtoolTables(new ElfObject(built, `${newModule}.ko`));
    const linked = takeOutSealed(built, newCode.sealed);
    writeFileSync(path, convertToLivepatch(linked, newCode.bindings));
    return {
      target,
      newCode: { module: newModule, file: `${newModule}.ko` },
      oldCode: { module: oldModule, file: `${oldModule}.ko` },
      behindInit: onlyWhenLive(target, newCode)?.name,
    };
  });
  return { core: { module: CORE_MODULE, file: `${CORE_MODULE}.ko` }, on: [], changes };
}

/** What new code uses of its target that is only right when the target's init is through. */
function onlyWhenLive(target: string, { bindings, sealed }: NewCode): KlpBinding | undefined {
  const keys = new Set(sealed.keys);
  return bindings.find((one) => one.object === target && (one.behindInit || keys.has(one.symbol)));
}
