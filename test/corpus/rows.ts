// What came of each patch, and the sums that the goals are about.

import { KspliceError } from '../../src/base/errors.js';

/**
 * - `updated`: create makes an update of it
 * - `unchanged`: the running code stays the same
 * - `refused`: create says that this cannot be changed on a running kernel
 * - `failed`: it should have become an update
 * - `outside`: not part of this kernel's configuration
 * - `uncompilable`: needs other files of the newer version
 */
export type Verdict = 'updated' | 'unchanged' | 'refused' | 'failed' | 'outside' | 'uncompilable';

export interface Row {
  readonly patch: string;
  /** Of a group: all its files. */
  readonly files?: readonly string[];
  verdict: Verdict;
  /** Of the refusal or failure. */
  code: string;
  message: string;
  targets: readonly string[];
  /** Replaced, and new ones. */
  functions: readonly string[];
  /** Of the diff, the match with the image, and the extraction; compilers are not counted. */
  ms: number;
  /** Compared with the image, in functions; 0 if the patch came to no update. */
  matched: number;
  /** What of the new code others may use after undo, in words. */
  addressesOut: readonly string[];
  /** `check` of the packed update: undefined if it was not built. */
  proved?: boolean;
  /** In the guest: undefined if it was not tried. */
  applied?: 'clean' | 'conflict' | 'not-loaded' | 'failed';
  appliedMessage?: string;
}

export function newRow(patch: string, verdict: Verdict): Row {
  return {
    patch,
    verdict,
    code: '',
    message: '',
    targets: [],
    functions: [],
    ms: 0,
    matched: 0,
    addressesOut: [],
  };
}

/** Which verdict an error of the pipeline is. */
export function judgeError(row: Row, error: unknown): void {
  if (!(error instanceof KspliceError)) {
    row.verdict = 'failed';
    row.code = 'exception';
    row.message = (error as Error).stack?.split('\n').slice(0, 3).join(' ') ?? String(error);
    return;
  }
  if (error.code === 'interrupted') throw error;
  row.code = error.code;
  const problems = error.details?.problems ?? [];
  row.message = (problems.length > 1 ? problems : [error]).map((one) => one.message).join('\n');
  switch (error.code) {
    case 'no-changes':
      row.verdict = 'unchanged';
      break;
    case 'not-in-kernel':
      row.verdict = 'outside';
      break;
    case 'compile-failed':
      row.verdict = 'uncompilable';
      break;
    case 'refused-change':
      row.verdict = 'refused';
      row.code = refusalCodes(error);
      // Boot loaders, the vdso: right to refuse, but no code of the running kernel.
      if (row.code === 'not-kernel-code') row.verdict = 'outside';
      break;
    default:
      row.verdict = 'failed';
  }
}

function refusalCodes({ details }: KspliceError): string {
  return [...new Set(details?.problems?.map(({ code }) => code))].join(', ');
}

export interface Sums {
  readonly total: number;
  readonly byVerdict: Readonly<Record<Verdict, number>>;
  /** Patches that change running code: updated, refused and failed. */
  readonly changing: number;
  readonly proved: number;
  readonly notProved: number;
  /** Updates whose new code stays loaded after undo. */
  readonly staying: number;
  readonly applied: Readonly<Record<string, number>>;
}

export function sum(rows: readonly Row[]): Sums {
  const byVerdict = {
    updated: 0,
    unchanged: 0,
    refused: 0,
    failed: 0,
    outside: 0,
    uncompilable: 0,
  };
  const applied: Record<string, number> = {};
  for (const row of rows) {
    byVerdict[row.verdict]++;
    if (row.applied) applied[row.applied] = (applied[row.applied] ?? 0) + 1;
  }
  return {
    total: rows.length,
    byVerdict,
    changing: byVerdict.updated + byVerdict.refused + byVerdict.failed,
    proved: rows.filter((row) => row.proved === true).length,
    notProved: rows.filter((row) => row.proved === false).length,
    staying: rows.filter((row) => row.verdict === 'updated' && row.addressesOut.length > 0).length,
    applied,
  };
}
