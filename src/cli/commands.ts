// The table of subcommands. Only the one that is called is loaded.

import type { Command } from './command.js';

type Loader = () => Promise<{ readonly command: Command }>;

const LOADERS: Readonly<Record<string, Loader>> = {
  configure: () => import('./commands/configure.js'),
  create: () => import('./commands/create.js'),
  inspect: () => import('./commands/inspect.js'),
  check: () => import('./commands/check.js'),
  capture: () => import('./commands/capture.js'),
  objdiff: () => import('./commands/objdiff.js'),
  apply: () => import('./commands/apply.js'),
  view: () => import('./commands/view.js'),
  undo: () => import('./commands/undo.js'),
  install: () => import('./commands/install.js'),
  uninstall: () => import('./commands/uninstall.js'),
  list: () => import('./commands/list.js'),
  boot: () => import('./commands/boot.js'),
  clear: () => import('./commands/clear.js'),
};

/** What the kernel calls, and no user. */
const HIDDEN: Readonly<Record<string, Loader>> = {
  late: () => import('./commands/late.js'),
  watch: () => import('./commands/watch.js'),
};

/** All names, in the order in which a user meets them. */
export const commandNames: readonly string[] = Object.keys(LOADERS);

/** The command of that name, or undefined if there is none. */
export async function loadCommand(name: string): Promise<Command | undefined> {
  const all = { ...LOADERS, ...HIDDEN };
  const loader = Object.hasOwn(all, name) ? all[name] : undefined;
  return loader && (await loader()).command;
}
