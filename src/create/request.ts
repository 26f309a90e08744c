// The request to create, and the options that exclude each other. A wrong request is
// refused before anything is read.

import { KspliceError } from '../base/errors.js';
import type { ChangeRequest } from './change/change.js';
import type { GivenFixes } from './change/find-fixes.js';
import type { SigningKey } from './modules/sign.js';

export interface CreateOptions extends ChangeRequest {
  /** The configuration directory. */
  readonly confdir: string;
  /** Kernel source; the confdir's by default. */
  readonly source?: string | undefined;
  /** A module's directory; it takes the place of the kernel source. */
  readonly module?: string | undefined;
  /** The kernel's image; the confdir's by default. */
  readonly image?: string | undefined;
  /** Compilers at a time. */
  readonly jobs: number;
  /** Tarballs of updates that are applied, and that this one is to be on top of. */
  readonly on?: readonly string[] | undefined;
  /** Random by default. */
  readonly id?: string | undefined;
  /** What the patch says of itself by default. */
  readonly description?: string | undefined;
  /** What the update repairs, besides what the change says. */
  readonly fixes?: GivenFixes | undefined;
  /** The ids of the updates that it takes the place of, where `apply --replace` finds them. */
  readonly supersedes?: readonly string[] | undefined;
  /** Directory for the tarball. */
  readonly output: string;
  /** With git, the change after this one starts from this one's end; with patches, this one from the end of the last. */
  readonly series?: boolean | undefined;
  /** Put the modules that change, built from the patched source, into the update. */
  readonly buildModules?: boolean | undefined;
  /** Leave everything alone that does not go into one of these: "vmlinux" or modules. */
  readonly onlyTargets?: readonly string[] | undefined;
  /** Functions that may be busy when they are switched. */
  readonly allowBusy?: readonly string[] | undefined;
  /** Types whose layout may change: "struct foo". */
  readonly allowLayout?: readonly string[] | undefined;
  /** Sign all modules with this key. */
  readonly signing?: SigningKey | undefined;
  /** Sign the update with this OpenSSH key. */
  readonly signWith?: string | undefined;
  /** When it is said to be made, ISO 8601; now, or what SOURCE_DATE_EPOCH says, by default. */
  readonly timestamp?: string | undefined;
  /** Made only to be looked at: no later run may take it for the one that is applied. */
  readonly forgotten?: boolean | undefined;
  /** Keep the run's directory also when all goes well. */
  readonly keep?: boolean | undefined;
}

/** @throws KspliceError `usage` unless the request names one way to a change, and nothing that excludes it */
export function checkRequest(options: Omit<CreateOptions, 'output'>): void {
  const { patch, diffext, git, module, source, buildModules, series } = options;
  const ways = [patch, diffext, git].filter((way) => way !== undefined).length;
  if (ways !== 1) {
    throw usage(
      ways === 0
        ? 'there is no --patch, --diffext or --git'
        : 'more than one source of the change is given',
      'Give one of --patch FILE, --diffext EXT and --git REV.',
    );
  }
  if (options.patchOptions !== undefined && patch === undefined) {
    throw usage('--strip and --patch-opt are for --patch', 'Leave them out.');
  }
  if (module !== undefined) {
    refuseForModules('a source tree', source !== undefined);
    refuseForModules('--git', git !== undefined);
    refuseForModules('--build-modules', buildModules ?? false);
  }
  if (diffext !== undefined) {
    refuseForFiles('--on', (options.on ?? []).length > 0);
    refuseForFiles('--series', series ?? false);
  }
}

/** @throws KspliceError `usage` if `isGiven` */
export function refuseForModules(what: string, isGiven: boolean): void {
  if (!isGiven) return;
  throw usage(
    `${what} is not for --module`,
    "A module's directory takes the place of the source, and has no history and no modules for the disk: use --patch or --diffext.",
  );
}

// The originals beside the files are the source of the booted kernel, without the
// updates that are applied.
function refuseForFiles(what: string, isGiven: boolean): void {
  if (!isGiven) return;
  throw usage(`${what} is for --patch and --git`, 'Make a patch of the files: diff -u.');
}

function usage(message: string, advice: string): KspliceError {
  return new KspliceError('usage', message, { advice });
}
