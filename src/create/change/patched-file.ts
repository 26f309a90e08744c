// A file that a change of the source touches, and what that can mean for the kernel.

import { machine } from '../../arch/index.js';

/**
 * What a changed file means for the kernel:
 * `source` is compiled by itself, `included` takes part in the compilation of
 * others, `rules` are kbuild's, `other` never gets into the kernel.
 */
export type FileKind = 'source' | 'included' | 'rules' | 'other';

export interface PatchedFile {
  /** Relative to the tree. */
  readonly path: string;
  readonly kind: FileKind;
  /** Text before, undefined if the patch creates the file. One byte a character. */
  readonly before: string | undefined;
  /** Where updates are below: its text after each of them, as far as it was there. */
  readonly between?: readonly string[];
  /** Text after, undefined if the patch removes the file. */
  readonly after: string | undefined;
}

const RULES = /(^|\/)(Makefile|Kbuild|Kconfig)[^/]*$|\.(lds|lds\.S)$/;
const NOT_KERNEL = /^(Documentation|tools|samples|scripts|LICENSES|usr|debian|rust)\//;

/** What a change of the file can do to the kernel. */
export function kindOf(path: string): FileKind {
  const { folder, tools } = machine.tree;
  const isOtherMachine = path.startsWith('arch/') && !path.startsWith(`${folder}/`);
  if (NOT_KERNEL.test(path) || isOtherMachine || tools.test(path)) return 'other';
  if (RULES.test(path)) return 'rules';
  if (/\.[cS]$/.test(path)) return 'source';
  return /\.(h|inc|tbl|asn1|uc|pl|awk|[chS]_shipped)$/.test(path) ? 'included' : 'other';
}
