// The table of subcommands. Only the one that is called is loaded.

import { KspliceError } from '../base/errors.js';
import type { Command, Loader } from './command.js';
import { makers } from './makers.js';

const LOADERS: Readonly<Record<string, Loader>> = {
  ...makers,
  check: () => import('./commands/check.js'),
  capture: () => import('./commands/capture.js'),
  apply: () => import('./commands/apply.js'),
  status: () => import('./commands/status.js'),
  view: () => import('./commands/view.js'),
  undo: () => import('./commands/undo.js'),
  install: () => import('./commands/install.js'),
  uninstall: () => import('./commands/uninstall.js'),
  list: () => import('./commands/list.js'),
  boot: () => import('./commands/boot.js'),
  clear: () => import('./commands/clear.js'),
};

/** What the kernel and systemd call, and no user. */
const HIDDEN: Readonly<Record<string, Loader>> = {
  late: () => import('./commands/late.js'),
  watch: () => import('./commands/watch.js'),
};

/** All names, in the order in which a user meets them. */
export const commandNames: readonly string[] = Object.keys(LOADERS);

/** Those that the package for hosts is without: docs/design.md, "The packages". */
const MAKERS: readonly string[] = [
  'configure',
  'create',
  'inspect',
  'objdiff',
  'verify',
  'sign',
  'package',
];

/**
 * The command of that name, or undefined if there is none.
 * @throws KspliceError `missing-tool` if it is not in this installation
 */
export async function loadCommand(name: string): Promise<Command | undefined> {
  const all = { ...LOADERS, ...HIDDEN };
  const loader = Object.hasOwn(all, name) ? all[name] : undefined;
  if (loader === undefined && MAKERS.includes(name)) {
    throw new KspliceError('missing-tool', `${name} is not installed here, only what hosts need`, {
      advice: 'Install the package ksplice-ts.',
    });
  }
  return loader && (await loader()).command;
}
