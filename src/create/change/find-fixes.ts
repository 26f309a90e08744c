// What a change says that it repairs: CVE ids, "Fixes:" lines, and ids of upstream commits in the
// forms that git and the stable kernels have for them. Only its words are read, and nothing of the
// diff: code that mentions a CVE repairs nothing.

import { KspliceError } from '../../base/errors.js';
import { asCommit, asCve, type Fixes, joinFixes, NO_FIXES } from '../../update/fixes.js';

/** What the user said with --fixes. */
export interface GivenFixes {
  readonly fixes: Fixes;
  /** Nothing is taken from the words of the change. */
  readonly only: boolean;
}

/**
 * Reads --fixes: CVE ids, ids of upstream commits, and "none", which leaves out what the change says.
 * @throws KspliceError `usage`
 */
export function readGivenFixes(words: readonly string[]): GivenFixes {
  const named = words.filter((word) => word !== 'none');
  const fixes = named.map((word): Fixes => {
    const [cve, commit] = [asCve(word), asCommit(word)];
    if (cve !== undefined) return { ...NO_FIXES, cves: [cve] };
    if (commit !== undefined) return { ...NO_FIXES, upstream: [commit] };
    throw new KspliceError('usage', `--fixes: "${word}" is neither a CVE id nor a commit id`, {
      advice:
        'Give ids such as CVE-2026-1234, or the ids of upstream commits (8 to 40 hexadecimal digits), separated by commas.',
    });
  });
  return { fixes: joinFixes(fixes), only: named.length < words.length };
}

/** All that an update repairs. */
export function fixesOf(words: string, given?: GivenFixes): Fixes {
  if (given?.only) return given.fixes;
  return joinFixes([findFixes(words), ...(given ? [given.fixes] : [])]);
}

const MENTIONED = /\bCVE-[12]\d{3}-\d{4,19}\b/gi;
const REPAIRS = /^\s*Fixes:\s*(?:commit\s+)?([0-9a-f]{8,40})\b/i;
// "commit ID upstream.", "[ Upstream commit ID ]", "(cherry picked from commit ID)", and what
// Debian's patches have: "Origin: https://git.kernel.org/linus/ID".
const UPSTREAM = [
  /^\s*commit ([0-9a-f]{8,40}) upstream\.?\s*$/i,
  /^\s*\[?\s*Upstream commit ([0-9a-f]{8,40})\b/i,
  /^\s*\(cherry[- ]picked from commit ([0-9a-f]{8,40})\)/i,
  /^Origin:.*\/linus\/([0-9a-f]{8,40})\b/i,
];
/** The first line of a mail that `git format-patch` wrote, and of a commit as `git show` has it. */
const OWN = /^(?:From (\S+) Mon Sep 17 00:00:00 2001|commit ([0-9a-f]{40})(?: \(.*\))?)$/;

/** What the words of patches or of commit messages name. */
export function findFixes(text: string): Fixes {
  return joinFixes(commitsIn(text).map(fixesOfCommit));
}

/** One commit's fixes. Its own id is upstream's, unless it says of which one it is a copy. */
function fixesOfCommit({ own, words }: Commit): Fixes {
  const first = (patterns: readonly RegExp[]) =>
    words.flatMap((line) => patterns.flatMap((pattern) => pattern.exec(line)?.[1] ?? []));
  const named = first(UPSTREAM);
  return joinFixes([
    {
      cves: words.flatMap((line) => line.match(MENTIONED) ?? []).map((id) => id.toUpperCase()),
      upstream: (named.length > 0 ? named : own).map((id) => id.toLowerCase()),
      repairs: first([REPAIRS]).map((id) => id.toLowerCase()),
    },
  ]);
}

interface Commit {
  /** Its own id, if that is known. */
  readonly own: string[];
  /** Its lines, without those of a diff. */
  readonly words: string[];
}

function commitsIn(text: string): Commit[] {
  const commits: Commit[] = [{ own: [], words: [] }];
  // How many lines of each side the hunk has still to come.
  let [old, now] = [0, 0];
  for (const line of text.split(/\r?\n/)) {
    if (old > 0 || now > 0) {
      if (!/^[+\\]/.test(line)) old--;
      if (!/^[-\\]/.test(line)) now--;
      continue;
    }
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
    if (hunk) {
      [old, now] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
      continue;
    }
    const [, mail, shown] = OWN.exec(line) ?? [];
    const id = mail ?? shown;
    if (id !== undefined)
      commits.push({ own: asCommit(id) && !/^0+$/.test(id) ? [id] : [], words: [] });
    else if (!/^(diff |index |--- |\+\+\+ |rename |copy )/.test(line))
      commits.at(-1)?.words.push(line);
  }
  return commits;
}
