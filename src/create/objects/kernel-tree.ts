// A kernel's source tree as what objects are compiled from.

import type { Confdir } from '../../configure/confdir.js';
import type { Run } from '../invocation/scope.js';
import { openWorkspace, sourceOf, type Workspace } from '../tree/workspace.js';
import { compilePre } from './compile.js';
import type { ObjectSource, SourceRequest } from './object-source.js';

/**
 * @param given the tree that the user named; the confdir's by default
 * @throws KspliceError `no-source` if there is none, or it is no kernel's
 */
export function kernelTree(given: string | undefined, confdir: Confdir): ObjectSource {
  const directory = sourceOf(given, confdir);
  return {
    directory,
    filesOf: (files) => files,
    async compilePre(request, run) {
      const work = await openTree(directory, request, run);
      run.directory.lap('work tree');
      // The work tree is the source, configured as the distribution's build was.
      const { facts, wanted } = request;
      return { work, facts, ...(await compilePre(work, request, wanted, run)) };
    },
  };
}

/** The work tree of a source, or of a commit of it. */
export async function openTree(
  directory: string,
  request: Pick<SourceRequest, 'git' | 'confdir' | 'headers' | 'jobs' | 'types'>,
  { undo, ui }: Run,
): Promise<Workspace> {
  const { git, confdir, headers, jobs, types } = request;
  const tree = (await git?.checkOut(undo, ui)) ?? directory;
  return await openWorkspace(tree, confdir.config, headers, jobs, undo, ui, { types });
}
