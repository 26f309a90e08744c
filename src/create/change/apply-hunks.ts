// Puts the hunks of a patch into a file's text, by the rules of patch(1): at the
// line that the hunk names, else at the nearest line where it fits, else with
// up to two lines of context at its ends ignored. Pure.

import type { StructuredPatchHunk } from 'diff';

/** What became of one hunk. */
export interface HunkResult {
  /** From 1. */
  readonly number: number;
  readonly applied: boolean;
  /** Line of the old file where it begins, as the patch says. */
  readonly line: number;
  /** Lines from there to where it fitted, earlier hunks' shift included. */
  readonly offset: number;
  /** Lines of context that had to be ignored at either end. */
  readonly fuzz: number;
  /** For a hunk that failed: its change is in the file already. */
  readonly alreadyThere: boolean;
}

export interface AppliedHunks {
  readonly text: string;
  readonly hunks: readonly HunkResult[];
}

/** How exactly a hunk has to fit; patch(1) has options of these names. */
export interface Fit {
  /** Lines of context at either end that may differ. */
  readonly fuzz: number;
  /** Any amount of white space is like any other, and none counts at the end of a line. */
  readonly ignoreWhitespace: boolean;
}

/** How patch(1) does it if nothing is said. */
export const USUAL_FIT: Fit = { fuzz: 2, ignoreWhitespace: false };

/** Applies all hunks that fit; the others are in the result with `applied` false. */
export function applyHunks(
  text: string,
  hunks: readonly StructuredPatchHunk[],
  fit: Fit = USUAL_FIT,
): AppliedHunks {
  const lines = text.split('\n');
  const search = new Search(lines, fit);
  const out: string[] = [];
  const results: HunkResult[] = [];
  let taken = 0; // lines of the old text that are in `out`
  let shift = 0;
  hunks.forEach((hunk, index) => {
    const before = oldSide(hunk);
    const place = search.locate(before, hunk, hunk.oldStart - 1 + shift, taken);
    const result = { number: index + 1, line: hunk.oldStart, offset: 0, fuzz: 0 };
    if (!place) {
      results.push({ ...result, applied: false, alreadyThere: search.hasAlready(hunk) });
      return;
    }
    for (; taken < place.at; taken++) out.push(lines[taken] as string);
    // Context comes from the file, not from the patch: fuzz must not change it.
    for (const line of hunk.lines) {
      if (line.startsWith('+')) out.push(line.slice(1));
      else if (line.startsWith('-')) taken++;
      else if (!line.startsWith('\\')) out.push(lines[taken++] as string);
    }
    shift = place.at - (hunk.oldStart - 1);
    results.push({
      ...result,
      applied: true,
      offset: shift,
      fuzz: place.fuzz,
      alreadyThere: false,
    });
  });
  for (; taken < lines.length; taken++) out.push(lines[taken] as string);
  return { text: endOfFile(out, hunks).join('\n'), hunks: results };
}

function oldSide(hunk: StructuredPatchHunk): string[] {
  return hunk.lines.filter((line) => /^[ -]/.test(line)).map((line) => line.slice(1));
}

function newSide(hunk: StructuredPatchHunk): string[] {
  return hunk.lines.filter((line) => /^[ +]/.test(line)).map((line) => line.slice(1));
}

/** Looks for hunks in one file's lines. */
class Search {
  private readonly lines: readonly string[];

  constructor(
    lines: readonly string[],
    private readonly fit: Fit,
  ) {
    this.lines = lines.map((line) => this.comparable(line));
  }

  /**
   * Where the wanted lines are, not before line `from`: nearest to `expected` first, least fuzz first.
   * @param fuzzy lines of context that may differ at most
   */
  locate(
    wanted: readonly string[],
    hunk: StructuredPatchHunk,
    expected: number,
    from: number,
    fuzzy = this.fit.fuzz,
  ): { at: number; fuzz: number } | undefined {
    const context = contextLengths(hunk);
    const sought = wanted.map((line) => this.comparable(line));
    const most = Math.min(fuzzy, Math.max(context.head, context.tail));
    for (let fuzz = 0; fuzz <= most; fuzz++) {
      const skip = Math.min(fuzz, context.head);
      const end = sought.length - Math.min(fuzz, context.tail);
      // Nothing left to compare would fit anywhere.
      if (fuzz > 0 && end <= skip) return undefined;
      const at = this.nearest(sought, skip, end, expected, from);
      if (at !== undefined) return { at, fuzz };
    }
    return undefined;
  }

  /** Whether what a hunk makes is there: all of it, if it adds nothing that could tell. */
  hasAlready(hunk: StructuredPatchHunk): boolean {
    const made = newSide(hunk);
    const most = hunk.lines.some((line) => line.startsWith('+')) ? this.fit.fuzz : 0;
    // Nothing would be anywhere.
    return made.length > 0 && this.locate(made, hunk, hunk.newStart - 1, 0, most) !== undefined;
  }

  private nearest(
    sought: readonly string[],
    skip: number,
    end: number,
    expected: number,
    from: number,
  ): number | undefined {
    const { lines } = this;
    const fits = (at: number) => {
      if (at < from || at > lines.length) return false;
      for (let i = skip; i < end; i++) if (lines[at + i] !== sought[i]) return false;
      return at + sought.length <= lines.length;
    };
    for (let distance = 0; distance <= lines.length; distance++) {
      if (fits(expected + distance)) return expected + distance;
      if (distance > 0 && fits(expected - distance)) return expected - distance;
    }
    return undefined;
  }

  private comparable(line: string): string {
    return this.fit.ignoreWhitespace ? line.trimEnd().replace(/[ \t]+/g, ' ') : line;
  }
}

function contextLengths(hunk: StructuredPatchHunk): { head: number; tail: number } {
  const real = hunk.lines.filter((line) => !line.startsWith('\\'));
  const head = real.findIndex((line) => !line.startsWith(' '));
  const last = real.findLastIndex((line) => !line.startsWith(' '));
  return { head: Math.max(head, 0), tail: real.length - 1 - last };
}

// The text is split at newlines, so a file that ends in one has '' as its last
// element. A hunk says with a backslash line that the new file has none.
function endOfFile(lines: string[], hunks: readonly StructuredPatchHunk[]): string[] {
  const last = hunks.at(-1)?.lines ?? [];
  const marker = last.findLastIndex((line) => line.startsWith('\\'));
  const endsWithoutNewline = marker > 0 && !(last[marker - 1] as string).startsWith('-');
  if (endsWithoutNewline && lines.at(-1) === '') lines.pop();
  else if (marker > 0 && !endsWithoutNewline && lines.at(-1) !== '') lines.push('');
  return lines;
}
