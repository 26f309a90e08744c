// The `contents` file of an update: which modules it is made of.
//
//   core ksplice ksplice.ko
//   on ID
//   change TARGET NEW_MODULE NEW_FILE OLD_MODULE OLD_FILE
//   live TARGET SYMBOL
//
// One line for the core, one for each update that this one was made on top of, the oldest first,
// and one for each target (vmlinux or the name of a module). If the new code of a module can be
// bound only after the module's init, a live line says so. The words of this file become file
// names, sysfs paths and insmod's arguments, so everything but a plain word is refused.

import { createHash } from 'node:crypto';

/** A module of an update: its name in the kernel, and its file in the update. */
export interface ListedModule {
  readonly module: string;
  readonly file: string;
}

/** What an update does to one target. */
export interface TargetChange {
  /** "vmlinux", or a module's name as sysfs has it. */
  readonly target: string;
  readonly newCode: ListedModule;
  readonly oldCode: ListedModule;
  /**
   * A symbol of the target that the new code can use only after the target's init. Either init code has a
   * symbol of the same name, and the loader would find that one; or the symbol is a key that init may
   * change.
   */
  readonly behindInit?: string | undefined;
}

export interface Contents {
  readonly core: ListedModule;
  /** Ids of the updates that have to be applied before it, the oldest first. */
  readonly on: readonly string[];
  readonly changes: readonly TargetChange[];
}

/** The core's module; sysfs has it under that name. */
export const CORE_MODULE = 'ksplice';
/** An update's id, which is part of module names and paths. */
const ID = /^[a-z0-9]{1,16}$/;
// MODULE_NAME_LEN is 56 on 64-bit machines, with the final NUL.
const MODULE = /^[A-Za-z0-9_]{1,55}$/;
const SYMBOL = /^[\w.$]{1,511}$/;
const FILE = /^[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}\.ko$/;

/** What /sys/kernel/ksplice has beside the updates' directories. */
const TAKEN: readonly string[] = ['helper', 'awaited'];
/** What an id has to be, for messages. */
export const ID_ADVICE = `An id has 1 to 16 small letters and digits. It cannot be "helper" or "awaited", which are files of the core.`;

/** Whether a word can be an update's id. */
export function isUpdateId(word: string): boolean {
  return ID.test(word) && !TAKEN.includes(word);
}

/** Whether a word can be the name of a module. */
export function isModuleName(word: string): boolean {
  return MODULE.test(word);
}

/** What all modules of an update but the core have their names begin with. */
export function modulePrefix(id: string): string {
  return `ksplice_${id}_`;
}

/** All modules of an update, in the order in which they are loaded. */
export function moduleFilesOf({ core, changes }: Contents): ListedModule[] {
  const old = changes.map(({ oldCode }) => oldCode);
  return [core, ...old, ...changes.map(({ newCode }) => newCode)];
}

/** Whether a module's name is that of some update's new code. */
export function isNewCodeModule(name: string): boolean {
  return /^ksplice_[a-z0-9]{1,16}_\w+_new$/.test(name);
}

/** The text of a `contents` file. */
export function formatContents(contents: Contents): string {
  const { core, on, changes } = contents;
  const lines = changes.map(
    ({ target, newCode, oldCode }) =>
      `change ${target} ${newCode.module} ${newCode.file} ${oldCode.module} ${oldCode.file}`,
  );
  const below = on.map((id) => `on ${id}`);
  const live = changes.flatMap(({ target, behindInit }) =>
    behindInit === undefined ? [] : [`live ${target} ${behindInit}`],
  );
  return [`core ${core.module} ${core.file}`, ...below, ...lines, ...live, ''].join('\n');
}

/**
 * Reads a `contents` file.
 * @param id the update's, which the modules' names must carry
 * @returns what could be read, and every fault found, as sentences
 */
export function parseContents(
  text: string,
  id: string,
): { readonly contents: Contents | undefined; readonly faults: readonly string[] } {
  const faults: string[] = [];
  const cores: ListedModule[] = [];
  const on: string[] = [];
  const changes: TargetChange[] = [];
  const live = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const words = line.split(' ');
    const where = `line ${index + 1} of contents`;
    const [kind, target = '', newModule = '', newFile = '', oldModule = '', oldFile = ''] = words;
    if (kind === 'core' && words.length === 3) {
      cores.push({ module: target, file: newModule });
    } else if (kind === 'on' && words.length === 2) {
      on.push(target);
    } else if (kind === 'change' && words.length === 6) {
      changes.push({
        target,
        newCode: { module: newModule, file: newFile },
        oldCode: { module: oldModule, file: oldFile },
      });
    } else if (kind === 'live' && words.length === 3) {
      live.set(target, newModule);
    } else {
      faults.push(`${where} is neither a core, an on, a change nor a live line`);
    }
  }
  const [core] = cores;
  if (cores.length !== 1) faults.push(`contents has ${cores.length} core lines instead of one`);
  if (changes.length === 0) faults.push('contents has no change line');
  if (core && core.module !== CORE_MODULE) {
    faults.push(`contents calls the core ${quote(core.module)} instead of "${CORE_MODULE}"`);
  }
  for (const below of on) {
    if (!isUpdateId(below) || below === id || on.indexOf(below) !== on.lastIndexOf(below)) {
      faults.push(`update ${id} cannot be on ${quote(below)}, as contents says`);
    }
  }
  for (const [target, symbol] of live) {
    const index = changes.findIndex((change) => change.target === target);
    if (index < 0) faults.push(`contents has a live line for ${quote(target)}, but no change line`);
    else if (!SYMBOL.test(symbol)) faults.push(`${quote(symbol)} in contents is no symbol`);
    else changes[index] = { ...changes[index]!, behindInit: symbol };
  }
  faults.push(...nameFaults(cores, changes, id), ...repetitions(cores, changes));
  return {
    contents: core && faults.length === 0 ? { core, on: [...new Set(on)], changes } : undefined,
    faults,
  };
}

function nameFaults(
  cores: readonly ListedModule[],
  changes: readonly TargetChange[],
  id: string,
): string[] {
  const faults: string[] = [];
  const own = changes.flatMap(({ newCode, oldCode }) => [newCode, oldCode]);
  for (const { target } of changes) {
    if (!isModuleName(target)) faults.push(`${quote(target)} in contents is no target`);
  }
  for (const { module, file } of [...cores, ...own]) {
    if (!isModuleName(module)) faults.push(`${quote(module)} in contents is no module name`);
    if (!FILE.test(file)) faults.push(`${quote(file)} in contents is no name of a module file`);
  }
  for (const { module } of own) {
    if (isModuleName(module) && !module.startsWith(modulePrefix(id))) {
      faults.push(`module ${module} in contents does not belong to update ${id}`);
    }
  }
  return faults;
}

function repetitions(cores: readonly ListedModule[], changes: readonly TargetChange[]): string[] {
  const modules = [...cores, ...changes.flatMap(({ newCode, oldCode }) => [newCode, oldCode])];
  const lists = [
    changes.map(({ target }) => target),
    modules.map(({ module }) => module),
    modules.map(({ file }) => file),
  ];
  return lists.flatMap((list) => {
    const repeated = new Set(list.filter((word, index) => list.indexOf(word) !== index));
    return [...repeated].map((word) => `contents names ${quote(word)} more than once`);
  });
}

/** A foreign word, shortened and with nothing in it that could act on a terminal. */
export function quote(word: string): string {
  return JSON.stringify(word.length > 80 ? `${word.slice(0, 80)}…` : word);
}

/** Names of a target's modules; a target's own name is cut if it is too long for them. */
export function moduleNames(id: string, target: string): { newModule: string; oldModule: string } {
  const room = MODULE_NAME_MAX - modulePrefix(id).length - '_new'.length;
  const hash = createHash('sha256').update(target).digest('hex').slice(0, 6);
  const short = target.length > room ? `${target.slice(0, room - 7)}_${hash}` : target;
  const name = `${modulePrefix(id)}${short}`;
  return { newModule: `${name}_new`, oldModule: `${name}_old` };
}

/** MODULE_NAME_LEN on 64-bit machines, without the final NUL. */
export const MODULE_NAME_MAX = 55;
