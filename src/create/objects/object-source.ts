// Where the objects of a change come from: the pipeline asks once, and then no more, whether
// that is a kernel's source tree or a module's directory.

import type { Confdir } from '../../configure/confdir.js';
import type { PatchedFile } from '../change/patched-file.js';
import type { SourceChange } from '../change/source-change.js';
import type { Run } from '../invocation/scope.js';
import type { KernelHeaders } from '../tree/kbuild.js';
import type { KernelFacts } from '../tree/kernel-facts.js';
import type { Workspace } from '../tree/workspace.js';
import type { PreObjects } from './compile.js';
import type { WantedTargets } from './wanted-targets.js';

/** A kernel's source tree, or a module's directory. */
export interface ObjectSource {
  /** The user's directory; never written to. */
  readonly directory: string;
  /** Changed files, with the kind that they have there. */
  filesOf(files: readonly PatchedFile[]): readonly PatchedFile[];
  /**
   * Compiles what the change may concern, without the change, in a work tree of its own.
   * @throws KspliceError `compile-failed`, `not-in-kernel`, `refused-change`, `kernel-mismatch`
   */
  compilePre(request: SourceRequest, run: Run): Promise<BuiltSource>;
}

export interface SourceRequest {
  /** Changed files, by codeFiles(). */
  readonly files: readonly PatchedFile[];
  /** Changed build rules, by rulesOfNew(). */
  readonly rules: readonly PatchedFile[];
  /** The revision to check out; undefined if the change does not come from git. */
  readonly git: SourceChange['git'];
  readonly wanted: WantedTargets;
  readonly confdir: Confdir;
  readonly headers: KernelHeaders;
  /** What is known of the kernel alone; it is being read. */
  readonly facts: Promise<KernelFacts>;
  /** Compilers at a time. */
  readonly jobs: number;
  /** Sectioned objects get type information. */
  readonly types: boolean;
}

export interface BuiltSource extends PreObjects {
  readonly work: Workspace;
  /** What is known of the kernel, and of the modules of the directory. */
  readonly facts: Promise<KernelFacts>;
  /** An object that kbuild made with the kernel's own flags; undefined if all are. */
  readonly model?: string;
}
