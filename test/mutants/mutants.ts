// What has to be noticed when it is taken out of the program: for each guard and feature of a
// running host the change that takes it out, and the tests that must fail then.

import { chaosMutants } from './chaos.js';
import { coreMutants } from './core.js';
import { danglingMutants } from './dangling.js';
import { differMutants } from './differ.js';
import { fleetMutants } from './fleet.js';
import { layoutMutants } from './layout.js';
import type { Mutant } from './mutant.js';
import { patchMutants } from './patches.js';
import { probeMutants } from './probes.js';
import { shortWayMutants } from './short-ways.js';
import { storedMutants } from './stored.js';
import { toolMutants } from './tool.js';
import { trustMutants } from './trust.js';
import { wordMutants } from './words.js';

export const mutants: readonly Mutant[] = [
  ...coreMutants,
  ...toolMutants,
  ...patchMutants,
  ...differMutants,
  ...probeMutants,
  ...wordMutants,
  ...chaosMutants,
  ...layoutMutants,
  ...danglingMutants,
  ...shortWayMutants,
  ...storedMutants,
  ...fleetMutants,
  ...trustMutants,
];
