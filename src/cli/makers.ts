// The commands of those who make updates. Hosts need none of them: bin/bundle.mjs puts an empty table
// in the place of this one when it makes the program of the package ksplice-ts-host.

import type { Loader } from './command.js';

export const makers: Readonly<Record<string, Loader>> = {
  configure: () => import('./commands/configure.js'),
  create: () => import('./commands/create.js'),
  inspect: () => import('./commands/inspect.js'),
  objdiff: () => import('./commands/objdiff.js'),
  verify: () => import('./commands/verify.js'),
  sign: () => import('./commands/sign.js'),
  package: () => import('./commands/package.js'),
};
