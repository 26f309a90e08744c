// C source as text: without what is no code, and cut into functions and calls. All places stay
// what they are in the file, so that a line can be named.

/** A file that the compiler read for an object. */
export interface SourceText {
  readonly path: string;
  readonly text: string;
}

/** Comments and literals, which have no types in them, and may have braces. */
const NOT_CODE = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;
/** With its continued lines. */
const DIRECTIVE = /^[ \t]*#(?:[^\n]*\\\n)*[^\n]*\n?/gm;
/** Stands where a directive ends: no character of C. */
export const DIRECTIVE_END = '@';

/** A function, with its head. */
export interface FunctionText {
  /** Of the function, as far as its head tells. */
  readonly name: string | undefined;
  readonly start: number;
  /** Where its brace opens. */
  readonly body: number;
  readonly end: number;
}

/** The code of a text: comments, literals and the line ends of directives are blanks. */
export function codeOf(text: string): string {
  return text.replace(NOT_CODE, blank).replace(DIRECTIVE, (found) => {
    const joined = found.replaceAll('\\\n', '  ');
    return joined.endsWith('\n') ? joined.slice(0, -1) + DIRECTIVE_END : joined;
  });
}

/** With the end of another before it. */
const DIRECTIVE_IN_CODE = new RegExp(`(?:^|${DIRECTIVE_END})[ \\t]*#[^${DIRECTIVE_END}]*`, 'gm');

/** The directives in code, by codeOf(). */
export function directivesIn(code: string): readonly string[] {
  const found = code.match(DIRECTIVE_IN_CODE) ?? [];
  return found.map((one) => one.replace(DIRECTIVE_END, ''));
}

/** Code with blanks for its directives. */
export function withoutDirectives(code: string): string {
  return code.replace(DIRECTIVE_IN_CODE, (found) => found.replace(/[^\n]/g, ' '));
}

/** A string stays one: what is passed is not nothing. A directive goes on behind a comment of several lines. */
function blank(found: string): string {
  const inner = ' '.repeat(found.length);
  return found.startsWith('/') || found.length < 2 ? inner : `0${inner.slice(1)}`;
}

/** "fs/foo.c:12" */
export function placeIn({ path, text }: SourceText, at: number): string {
  let line = 1;
  for (let next = text.indexOf('\n'); next >= 0 && next < at; next = text.indexOf('\n', next + 1)) {
    line++;
  }
  return `${path}:${line}`;
}

/**
 * The bodies of functions, each with its head. Where braces are in no order what follows is one
 * stretch without a name.
 */
export function functionsIn(code: string): FunctionText[] {
  const plain = withoutDirectives(code);
  const found: FunctionText[] = [];
  let from = 0;
  for (let at = plain.indexOf('{'); at >= 0; at = plain.indexOf('{', from)) {
    const end = closingBrace(plain, at);
    if (end === undefined)
      return [...found, { name: undefined, start: from, body: from, end: plain.length }];
    const start = Math.max(plain.lastIndexOf(';', at), plain.lastIndexOf('}', at), from - 1) + 1;
    const head = plain.slice(start, at);
    if (head.includes('(') && !head.includes('=')) {
      const isWhole = !plain.slice(at, end - 2).includes('\n}');
      found.push({ name: isWhole ? nameInHead(head) : undefined, start, body: at, end });
    }
    from = end;
  }
  return found;
}

/** As the compiler's debugging information has it. */
function nameInHead(head: string): string | undefined {
  const call = /\b(COMPAT_)?SYSCALL_DEFINE\d\s*\(\s*(\w+)/.exec(head);
  if (call) return `__do_${call[1] ? 'compat_' : ''}sys_${call[2]}`;
  const names = [...head.matchAll(/\b([A-Za-z_]\w*)\s*\(/g)].map(([, name]) => name!);
  return names.find((name) => !name.startsWith('__attribute'));
}

/** Behind the brace that closes the one at a place. */
export function closingBrace(text: string, start: number): number | undefined {
  let depth = 0;
  const brace = /[{}]/g;
  brace.lastIndex = start;
  for (let found = brace.exec(text); found; found = brace.exec(text)) {
    depth += found[0] === '{' ? 1 : -1;
    if (depth === 0) return found.index + 1;
  }
  return undefined;
}

/** What is between the parentheses of a call, by its commas; undefined if they do not end. */
export function argumentsAt(code: string, open: number): string[] | undefined {
  const found: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; at < code.length; at++) {
    const char = code[at]!;
    if (char === '(' || char === '[' || char === '{') depth++;
    else if (char === ')' || char === ']' || char === '}') depth--;
    else if (char === DIRECTIVE_END) return undefined;
    if (depth === 0) return [...found, code.slice(from, at).trim()];
    if (char === ',' && depth === 1) {
      found.push(code.slice(from, at).trim());
      from = at + 1;
    }
  }
  return undefined;
}

/** What a place is an argument of: the name before the innermost open parenthesis, and its place. */
export function callAround(
  code: string,
  at: number,
): { readonly name: string; readonly open: number } | undefined {
  let depth = 0;
  for (let place = at - 1; place >= 0; place--) {
    const char = code[place]!;
    if (char === ')') depth++;
    else if (char === '(' && depth-- === 0) {
      const name = /([A-Za-z_]\w*)\s*$/.exec(code.slice(Math.max(0, place - 80), place))?.[1] ?? '';
      return { name, open: place };
    } else if (char === ';' || char === '{' || char === '}' || char === DIRECTIVE_END) {
      return undefined;
    }
  }
  return undefined;
}
