// Line numbers are in the code: __LINE__ is an argument of ext4's and btrfs'
// error functions, so a line added at the top of a file would change functions
// all the way down. A patched source therefore gets `#line` directives that give
// every line that was there before the number that it had.

import { diffArrays } from 'diff';

/**
 * The patched text with the old line numbers.
 * @param before the C source or header before the patch
 * @param later the same file after it; or after each of several, one on top of the
 *   other: then lines keep the numbers that they got when they came
 */
export function neutralLines(before: string, ...later: string[]): string {
  let lines = before.split('\n');
  let numbers = lines.map((_, i) => i + 1);
  let out = lines;
  for (const text of later) {
    const next = text.split('\n');
    ({ numbers, out } = renumber(next, oldNumbers(lines, numbers, next)));
    lines = next;
  }
  return out.join('\n');
}

/** The lines with directives between them, and the number of each line. */
function renumber(lines: readonly string[], old: readonly (number | undefined)[]) {
  const safe = safePlaces(lines);
  const out: string[] = [];
  const numbers: number[] = [];
  let number = 1; // of the next line, as the compiler counts
  for (const [i, line] of lines.entries()) {
    const wanted = old[i];
    // The empty string after the last newline is no line.
    if (wanted !== undefined && wanted !== number && safe[i] && i < lines.length - 1) {
      out.push(`#line ${wanted}`);
      number = wanted;
    }
    out.push(line);
    numbers.push(number++);
  }
  return { numbers, out };
}

/** For each new line the number that it had before, undefined if it is new. */
function oldNumbers(
  before: readonly string[],
  had: readonly number[],
  after: readonly string[],
): (number | undefined)[] {
  const numbers: (number | undefined)[] = [];
  let line = 0;
  for (const change of diffArrays([...before], [...after])) {
    const count = change.value.length;
    if (change.added) numbers.push(...new Array<undefined>(count).fill(undefined));
    else if (change.removed) line += count;
    else for (let i = 0; i < count; i++) numbers.push(had[line++]);
  }
  return numbers;
}

/**
 * Before which lines a directive may stand: not inside a comment, a literal, a
 * continued line, or parentheses, which may be a macro's arguments.
 */
function safePlaces(lines: readonly string[]): boolean[] {
  const state = { comment: false, depth: 0 };
  let continued = false;
  let directive = false;
  return lines.map((line) => {
    // Branches of an #ifdef may each open a parenthesis; at the end of a function all are closed.
    if (line.startsWith('}')) state.depth = 0;
    const isSafe = !continued && !state.comment && state.depth === 0;
    if (!continued) directive = !state.comment && /^\s*#/.test(line);
    scan(line, state, directive);
    continued = line.endsWith('\\');
    return isSafe;
  });
}

interface LexerState {
  comment: boolean;
  /** Open parentheses. */
  depth: number;
}

/** Comments, literals and parentheses; in a directive only comments count for what follows. */
const token = /\/\*|\/\/.*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()]/g;

function scan(line: string, state: LexerState, directive: boolean): void {
  let at = 0;
  while (at < line.length) {
    if (state.comment) {
      const end = line.indexOf('*/', at);
      if (end < 0) return;
      state.comment = false;
      at = end + 2;
    }
    token.lastIndex = at;
    const found = token.exec(line);
    if (!found) return;
    at = token.lastIndex;
    if (found[0] === '/*') state.comment = true;
    else if (!directive && found[0] === '(') state.depth++;
    else if (!directive && found[0] === ')') state.depth = Math.max(0, state.depth - 1);
  }
}
