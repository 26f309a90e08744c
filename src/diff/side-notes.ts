// Effects that the author of a change may expect and that do not occur: data that
// the kernel or a loader read only once, and switches that are set from outside.
// Nothing here is refused; the notes say what stays unchanged, and what to do
// about it.

import type { ElfObject } from '../elf/object.js';
import { DEBUG_MESSAGES } from '../elf/tables.js';
import type { Changes } from './changes.js';
import type { Comparison } from './compare.js';
import { relocationsIn } from './extents.js';
import type { Part } from './parts.js';
import type { Side } from './side.js';
import { findTarget } from './targets.js';

const SHOWN = 5;
/** The second name that MODULE_DEVICE_TABLE() gives to a table. */
const DEVICE_TABLE = /^__mod_.*device_table/;

/** Notes about one pair of objects. */
export function sideNotes({ pre, post }: Comparison, changes: Changes): string[] {
  const notes = parameterNotes(pre.parts.object, post.parts.object);
  for (const [, part] of changes.data) {
    if (changes.fates.get(part) === 'written' && isDeviceTable(part)) {
      notes.push(
        `${ownName(part)} is a table of devices: the new content applies to devices that are found from now on; udev and modprobe use the module's file`,
      );
    }
  }
  const functions = [...changes.functions];
  for (const [, part] of functions) {
    if (part.names.some(({ name }) => name === 'cleanup_module')) notes.push(atUnloading(part));
  }
  const debugged = functions
    .filter(([old, part]) => hasDebugMessages(pre, old) && hasDebugMessages(post, part))
    .map(([, part]) => part.symbol.name);
  if (debugged.length > 0) notes.push(debugNote(debugged));
  return notes;
}

/** After a name: what becomes of a change in a section that is used at boot, at loading or at unloading. */
export function noEffect(section: string): string {
  return section.startsWith('.exit')
    ? 'does not change in the running kernel: a module runs its old exit code when it is unloaded'
    : 'changed: no effect after boot or loading';
}

function ownName({ names, symbol }: Part): string {
  return (names.find(({ name }) => !DEVICE_TABLE.test(name)) ?? symbol).name;
}

/** Whether a variable is what MODULE_DEVICE_TABLE() names. */
export function isDeviceTable({ names }: Part): boolean {
  return names.some(({ name }) => DEVICE_TABLE.test(name));
}

function atUnloading({ symbol }: Part): string {
  return `${symbol.name} runs when the module is unloaded, which is possible only after undo: the module runs its old function then`;
}

function parameterNotes(pre: ElfObject, post: ElfObject): string[] {
  const [before, after] = [parametersOf(pre), parametersOf(post)];
  const added = [...after].filter((name) => !before.has(name));
  const removed = [...before].filter((name) => !after.has(name));
  const what = (names: readonly string[]) =>
    `parameter${names.length > 1 ? 's' : ''} ${names.join(', ')}`;
  const notes: string[] = [];
  if (added.length > 0) {
    notes.push(
      `new ${what(added)}: nobody can set it, neither in sysfs nor when the module is loaded; it has the value that the source gives it`,
    );
  }
  if (removed.length > 0) notes.push(`${what(removed)} stays in sysfs, and sets the old variable`);
  return notes;
}

function parametersOf(object: ElfObject): Set<string> {
  const names = object.symbols
    .filter(({ section, name }) => section?.name === '__param' && name.startsWith('__param_'))
    .map(({ name }) => name.slice('__param_'.length));
  return new Set(names);
}

function hasDebugMessages({ parts }: Side, part: Part): boolean {
  return relocationsIn(parts.object, part).some((relocation) => {
    const target = findTarget(parts, part.section, relocation);
    return target.kind === 'part' && DEBUG_MESSAGES.has(target.part.section.name);
  });
}

function debugNote(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `pr_debug() in ${names.slice(0, SHOWN).join(', ')}${more} has switches of its own in the new code: apply copies the switch of each message that stays the same; for other messages, write "func ${names[0]} +p" to /proc/dynamic_debug/control after apply`;
}
