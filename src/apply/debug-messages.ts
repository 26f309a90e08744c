// Messages of pr_debug() that are switched on stay on: each place in the source has a switch of
// its own, new code has new ones, and those are off. So before the switch to the new code they are
// set as those of the same messages are. The kernel lists all of them in one file, which takes
// orders as well (Documentation/admin-guide/dynamic-debug-howto.rst):
//
//     net/sctp/input.c:212 [sctp]sctp_rcv =pf "%s: asoc:%p\n"

import path from 'node:path';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import { isNewCodeModule, type TargetChange } from '../update/contents.js';

/** One message; of those with a class of their own the kernel would need to know the class. */
export interface DebugMessage {
  readonly file: string;
  readonly line: number;
  /** The module, or of the kernel proper the name that a module of this file would have. */
  readonly module: string;
  readonly func: string;
  /** Letters: "p" for on, others for what is printed with it; none if all is off. */
  readonly flags: string;
  /** As it is shown, with its quotes. */
  readonly text: string;
}

const MESSAGE = /^(.+):(\d+) \[([^\]]+)\](\S+) =(\S+) (".*")$/;

/** Reads the list. Lines of another form are left out. */
export function parseMessages(list: string): DebugMessage[] {
  return list.split('\n').flatMap((text) => {
    const [, file, line, module, func, flags, format] = MESSAGE.exec(text) ?? [];
    if (!file || !module || !func || !flags || !format) return [];
    return [
      { file, line: Number(line), module, func, flags: flags.replace('_', ''), text: format },
    ];
  });
}

/**
 * The orders that set the messages of new code as those of the same text and function are.
 * @param list all messages, those of the new code among them
 * @param targets by the name of the module with the new code, what it is for
 */
export function ordersFor(list: string, targets: ReadonlyMap<string, string>): string[] {
  if (!ON.test(list)) return [];
  const messages = parseMessages(list);
  const orders = messages.flatMap((fresh) => {
    const target = targets.get(fresh.module);
    if (target === undefined) return [];
    const same = messages.filter(
      (one) => !targets.has(one.module) && isOf(one, target) && isSame(one, fresh),
    );
    const here = same.filter(({ line }) => line === fresh.line);
    const flags = new Set((here.length > 0 ? here : same).flatMap((one) => [...one.flags]));
    if (flags.size === 0) return [];
    const { module, func, line } = fresh;
    return [`module ${module} func ${func} line ${line} =${[...flags].join('')}`];
  });
  return [...new Set(orders)];
}

function isSame(one: DebugMessage, other: DebugMessage): boolean {
  return one.func === other.func && one.text === other.text && one.file === other.file;
}

/** Whether a message may be of a target, or of an update below. The kernel proper has many names. */
function isOf({ module }: DebugMessage, target: string): boolean {
  return target === 'vmlinux' || module === target || isNewCodeModule(module);
}

/** A message that is on; where all are off, none of the thousands need be read. */
const ON = / =(?!_ ")\S+ "/;

/** What the kernel calls the section with a module's messages, now and before. */
const SECTIONS = ['__dyndbg', '__verbose'];

/** Whether modules have messages at all, as far as their sections are known. */
async function haveMessages(modules: readonly string[], host: Host): Promise<boolean> {
  for (const module of modules) {
    const names = await host.list(path.join(host.paths.sysfs, 'module', module, 'sections'));
    if (names.length === 0 || names.some((name) => SECTIONS.includes(name))) return true;
  }
  return false;
}

/** Sets the messages of new code that is loaded and not switched to yet. A failure is a warning. */
export async function keepMessages(
  changes: readonly TargetChange[],
  host: Host,
  ui: Ui,
): Promise<void> {
  const targets = new Map(changes.map(({ target, newCode }) => [newCode.module, target]));
  // The kernel takes its time to write the list.
  if (!(await haveMessages([...targets.keys()], host))) return;
  const files = [
    path.join(host.paths.proc, 'dynamic_debug/control'),
    path.join(host.paths.sysfs, 'kernel/debug/dynamic_debug/control'),
  ];
  for (const file of files) {
    const list = await host.read(file);
    if (list === undefined) continue;
    for (const order of ordersFor(list, targets)) {
      const errno = await host.write(file, order);
      if (errno === undefined) continue;
      ui.warn(
        `a message that is switched on will be off in the new code (${errno}): write "${order}" to ${file}`,
      );
    }
    return;
  }
}
