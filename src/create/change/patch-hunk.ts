// One hunk of a unified diff, line by line. What a hunk is has to be certain: a
// line too few or too many means that the patch is damaged, and no guess is made.

import type { StructuredPatchHunk } from 'diff';
import { KspliceError } from '../../base/errors.js';

const HEADER = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@/;

/**
 * The error of a patch that cannot be what its author wrote.
 * @param at index of the line that gives it away
 */
export function damaged(origin: string, at: number, what: string, advice?: string): KspliceError {
  return new KspliceError('patch-failed', `${origin}:${at + 1}: ${what}`, {
    advice: advice ?? 'The patch is damaged: get it again.',
  });
}

/**
 * Reads a hunk and checks that it has the lines which its header counts.
 * @param start index of its `@@` line
 * @returns the hunk, and the index of the first line behind it
 * @throws KspliceError `patch-failed`
 */
export function readHunk(
  lines: readonly string[],
  start: number,
  origin: string,
): { hunk: StructuredPatchHunk; next: number } {
  const [oldStart, oldLines, newStart, newLines] = readHeader(lines, start, origin);
  const left = { old: oldLines, new: newLines };
  const body: string[] = [];
  let at = start + 1;
  for (; left.old > 0 || left.new > 0 || lines[at]?.startsWith('\\'); at++) {
    // Some mailers strip the blank that stands for an empty context line.
    const line = lines[at] === '' && at < lines.length - 1 ? ' ' : lines[at];
    const kind = line?.[0];
    if (line === undefined || kind === undefined || !' +-\\'.includes(kind)) {
      throw damaged(origin, at, `the hunk that begins in line ${start + 1} is cut off`);
    }
    if (kind === '\\') checkMarker(body, line, at, origin);
    if (kind === ' ' || kind === '-') left.old--;
    if (kind === ' ' || kind === '+') left.new--;
    if (left.old < 0 || left.new < 0) throw miscounted(origin, at, start);
    body.push(line);
  }
  if (isRest(lines, at)) throw miscounted(origin, at, start);
  // The format names the line before where a side has none.
  const hunk = {
    oldStart: oldLines === 0 ? oldStart + 1 : oldStart,
    oldLines,
    newStart: newLines === 0 ? newStart + 1 : newStart,
    newLines,
    lines: body,
  };
  return { hunk, next: at };
}

/** Whether a hunk is one for a file that is empty or not there: `@@ -0,0`. */
export function isForEmptyFile({ oldStart, oldLines }: StructuredPatchHunk): boolean {
  return oldStart === 1 && oldLines === 0;
}

type Numbers = [oldStart: number, oldLines: number, newStart: number, newLines: number];

function readHeader(lines: readonly string[], at: number, origin: string): Numbers {
  const match = HEADER.exec(lines[at] as string);
  if (!match) {
    throw damaged(origin, at, 'this is no header of a hunk: "@@ -LINE,COUNT +LINE,COUNT @@"');
  }
  const numbers = [match[1], match[2] ?? 1, match[3], match[4] ?? 1].map(Number) as Numbers;
  if (numbers[1] === 0 && numbers[3] === 0) throw damaged(origin, at, 'the hunk has no lines');
  return numbers;
}

function checkMarker(body: readonly string[], line: string, at: number, origin: string): void {
  if (line.startsWith('\\ ') && body.length > 0 && !body.at(-1)?.startsWith('\\')) return;
  throw damaged(origin, at, 'a line of a hunk begins with a backslash');
}

function miscounted(origin: string, at: number, start: number): KspliceError {
  const what = `the hunk that begins in line ${start + 1} does not have the number of lines that its header says`;
  return damaged(origin, at, what, 'The patch is damaged, or was edited by hand: make it again.');
}

/** Whether what follows a hunk can only be more of it. */
function isRest(lines: readonly string[], at: number): boolean {
  const line = lines[at] ?? '';
  if (/^--( *$|- .|-+BEGIN |-+END )/.test(line)) return false;
  return /^[-+ ]/.test(line);
}
