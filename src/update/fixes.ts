// The file `fixes` of an update: which faults of its kernel the update repairs. A line for each:
//
//   CVE-2026-1234       a vulnerability
//   upstream COMMIT     a commit of the upstream kernel whose change this is
//   repairs COMMIT      a commit that brought the fault: "Fixes:" in the kernel's commit messages
//
// The file is not there if nothing is known. Updates made before there was such a file have none.

import { asListOf, asRecord, asText, type Decode } from '../base/stored.js';
import { quote } from './contents.js';

/** The file's name in an update. */
export const FIXES = 'fixes';

/** What an update repairs. Each list is sorted, and names nothing twice. */
export interface Fixes {
  /** "CVE-2026-1234" */
  readonly cves: readonly string[];
  /** Ids of upstream commits, 8 to 40 hexadecimal digits. */
  readonly upstream: readonly string[];
  /** Ids of commits that brought the faults, the same way. */
  readonly repairs: readonly string[];
}

export const NO_FIXES: Fixes = { cves: [], upstream: [], repairs: [] };

// The number has four digits or more (cve.org).
const CVE = /^CVE-[12]\d{3}-\d{4,19}$/;
const COMMIT = /^[0-9a-f]{8,40}$/;

/** A CVE's id in capitals; undefined if the word is none. */
export function asCve(word: unknown): string | undefined {
  const id = asText(word)?.toUpperCase();
  return id !== undefined && CVE.test(id) ? id : undefined;
}

/** A commit's id in small letters; undefined if the word is none. */
export function asCommit(word: unknown): string | undefined {
  const id = asText(word)?.toLowerCase();
  return id !== undefined && COMMIT.test(id) ? id : undefined;
}

/** Fixes that were stored as JSON; what an earlier version did not write is empty. */
export const asFixes: Decode<Fixes> = (value) =>
  value === undefined ? NO_FIXES : asAllFixes(value);

const asAllFixes = asRecord<Fixes>({
  cves: asListOf(asCve),
  upstream: asListOf(asCommit),
  repairs: asListOf(asCommit),
});

/** All of these, in order and once. */
export function joinFixes(all: readonly Fixes[]): Fixes {
  return {
    cves: once(all.flatMap(({ cves }) => cves)).sort(byNumber),
    upstream: once(all.flatMap(({ upstream }) => upstream)).sort(),
    repairs: once(all.flatMap(({ repairs }) => repairs)).sort(),
  };
}

/** Whether nothing is known. */
export function isEmpty({ cves, upstream, repairs }: Fixes): boolean {
  return cves.length + upstream.length + repairs.length === 0;
}

/** The text of the file. */
export function formatFixes({ cves, upstream, repairs }: Fixes): string {
  const lines = [
    ...cves,
    ...upstream.map((commit) => `upstream ${commit}`),
    ...repairs.map((commit) => `repairs ${commit}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** Reads the file; every fault found is a sentence. Its words get into other files and into URLs. */
export function parseFixes(text: string): { fixes: Fixes; faults: readonly string[] } {
  const found: Fixes[] = [];
  const faults: string[] = [];
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [first = '', second, ...more] = line.split(' ');
    const [cve, commit] = [asCve(first), asCommit(second)];
    if (cve !== undefined && second === undefined) {
      found.push({ ...NO_FIXES, cves: [cve] });
    } else if (first === 'upstream' && commit !== undefined && more.length === 0) {
      found.push({ ...NO_FIXES, upstream: [commit] });
    } else if (first === 'repairs' && commit !== undefined && more.length === 0) {
      found.push({ ...NO_FIXES, repairs: [commit] });
    } else {
      faults.push(`${FIXES} has a line that names no fix: ${quote(line)}`);
    }
  }
  return { fixes: joinFixes(found), faults };
}

/** For people: a line for each kind that there is. */
export function fixLines({ cves, upstream, repairs }: Fixes): string[] {
  const line = (what: string, words: readonly string[]) =>
    words.length > 0 ? [`${what} ${words.join(', ')}`] : [];
  const short = (commits: readonly string[]) => commits.map((commit) => commit.slice(0, 12));
  return [
    ...line('fixes', cves),
    ...line(`is upstream commit${upstream.length > 1 ? 's' : ''}`, short(upstream)),
    ...line('repairs what came with', short(repairs)),
  ];
}

/** By year, then by number: CVE-2025-9999 stands before CVE-2025-10000. */
function byNumber(a: string, b: string): number {
  const [, yearA, numberA] = a.split('-').map(Number) as [number, number, number];
  const [, yearB, numberB] = b.split('-').map(Number) as [number, number, number];
  return yearA - yearB || numberA - numberB;
}

function once(words: readonly string[]): string[] {
  return [...new Set(words)];
}
