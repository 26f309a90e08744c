// Keeps line numbers where they were. Kernel code has its own line numbers in
// it: WARN_ON's entries, might_sleep(), and the journal calls of ext4, which pass
// __LINE__ on. A patch that inserts a line would so change every function below
// it. A #line directive after the first function that ends below each change
// gives the rest its old numbers again. Pure.

import { structuredPatch } from 'diff';

/** A file that is written anew has no old numbers worth keeping. */
const DIFF_TIMEOUT_MS = 2000;

/**
 * @param path decides the kind of file; assembly is left as it is
 * @returns `after`, with directives where its lines have moved
 */
export function keepLineNumbers(path: string, before: string, after: string): string {
  if (!/\.[ch]$/.test(path)) return after;
  const lines = after.split('\n');
  const shifts = shiftsOf(before, after);
  if (shifts.length === 0) return after;
  const out: string[] = [];
  let wanted = 0; // what the directives so far have made of the shift
  let next = 0;
  let shift = 0;
  lines.forEach((line, index) => {
    while ((shifts[next]?.from ?? Number.POSITIVE_INFINITY) <= index + 1) {
      shift = shifts[next++]?.shift ?? 0;
    }
    out.push(line);
    if (shift !== wanted && endsDefinition(lines, index)) {
      // `index` counts from 0, the number is that of the line after this one.
      out.push(`#line ${index + 2 - shift}`);
      wanted = shift;
    }
  });
  return out.join('\n');
}

// Between definitions a directive can do no harm; inside one it could come to
// stand among a macro's arguments. A brace in the first column ends a
// definition, unless it is part of a macro's text.
function endsDefinition(lines: readonly string[], index: number): boolean {
  const brace = lines[index] === '' ? index - 1 : index;
  return /^\};?$/.test(lines[brace] ?? '') && !lines[brace - 1]?.endsWith('\\');
}

/** From which line (counted from 0, in the new text) on lines are how far below their old place. */
function shiftsOf(before: string, after: string): { from: number; shift: number }[] {
  const options = { context: 0, timeout: DIFF_TIMEOUT_MS };
  const patch = structuredPatch('', '', before, after, '', '', options);
  let shift = 0;
  return (patch?.hunks ?? []).map((hunk) => {
    shift += hunk.newLines - hunk.oldLines;
    // Where nothing is left, newStart names the line before or after the gap; both will do.
    return { from: hunk.newStart - 1 + hunk.newLines, shift };
  });
}
