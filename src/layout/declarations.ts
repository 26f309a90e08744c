// Whether a patch can change a type at all. Most fixes change statements: what their file
// declares stays as it is, and then every object has the types that it had. The answer may be
// a wrong yes, which costs the compiler's time, and never a wrong no.

import {
  closingBrace,
  codeOf,
  DIRECTIVE_END,
  directivesIn,
  withoutDirectives,
} from './code-text.js';

/** What is looked at of a changed file: as a patched file has it. */
export interface ChangedText {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Where a type begins that is defined in a function, up to its brace; or a declaration of one, or of what stays. */
const LOCAL =
  /\b(?:struct|union|enum)\b(?:\s+__\w+\s*\((?:[^()]|\([^()]*\))*\)|\s+\w+)*\s*\{|\b(?:typedef|static)\b/g;
/** Before the brace of a struct these may stand as well as before that of a function. */
const ATTRIBUTE = /__\w*(?:attribute|packed|aligned|layout)\w*/;

/** Whether any object could have other types with the new text of these files than with the old. */
export function mayChangeTypes(files: readonly ChangedText[]): boolean {
  return files.some(({ path, before, after }) => {
    if (before === after) return false;
    // Assembly has none. What is included by others is not looked into.
    if (path.endsWith('.S')) return false;
    if (!path.endsWith('.c') || before === undefined || after === undefined) return true;
    const [old, now] = [declarations(before), declarations(after)];
    return old === undefined || now === undefined || old.all !== now.all;
  });
}

/** What of a text could declare a type. */
export interface Declarations {
  /** The text without the bodies of functions, of which only such parts are left. */
  readonly all: string;
  /** Those parts alone. */
  readonly local: string;
}

/** undefined if it is not to be told where functions begin and end. */
export function declarations(text: string): Declarations | undefined {
  const code = codeOf(text);
  const plain = withoutDirectives(code).replaceAll(DIRECTIVE_END, '\n');
  const parts: string[] = [...directivesIn(code)];
  const local: string[] = [];
  let from = 0;
  for (let at = plain.indexOf('{'); at >= 0; at = plain.indexOf('{', from)) {
    const head = plain.slice(from, at);
    parts.push(head);
    const end = closingBrace(plain, at);
    if (end === undefined) return undefined;
    const body = plain.slice(at, end);
    // No function has anything behind it, up to a semicolon: what a macro declares may.
    if (isFunction(head) && !/^\s*[;,=[]/.test(plain.slice(end))) {
      // As the kernel's style has it: nothing else says that braces in branches of an #if are in pairs.
      if (plain[end - 2] !== '\n' || body.slice(0, -2).includes('\n}')) return undefined;
      local.push(...localTypes(body));
    } else {
      parts.push(body);
    }
    from = end;
  }
  parts.push(plain.slice(from));
  const plainly = (list: readonly string[]) => list.join('\n').replace(/\s+/g, ' ');
  return { all: plainly([...parts, ...local]), local: plainly(local) };
}

/** Types that are defined in the body of a function, and declarations of what stays when the function is over. */
function localTypes(body: string): string[] {
  const found: string[] = [];
  const next = new RegExp(LOCAL);
  for (let local = next.exec(body); local; local = next.exec(body)) {
    const isType = local[0].endsWith('{');
    const end = isType
      ? closingBrace(body, next.lastIndex - 1)
      : endOfDeclaration(body, local.index);
    found.push(body.slice(local.index, end));
    next.lastIndex = end ?? body.length;
  }
  return found;
}

/** Behind its semicolon: not one of those in its braces. */
function endOfDeclaration(text: string, start: number): number | undefined {
  for (let from = start; ; ) {
    const [semicolon, brace] = [text.indexOf(';', from), text.indexOf('{', from)];
    if (semicolon < 0) return undefined;
    if (brace < 0 || semicolon < brace) return semicolon + 1;
    const end = closingBrace(text, brace);
    if (end === undefined) return undefined;
    from = end;
  }
}

/** By what stands before the brace, since the last declaration. */
function isFunction(before: string): boolean {
  const head = before.slice(Math.max(before.lastIndexOf(';'), before.lastIndexOf('}')) + 1);
  return /\)\s*(?:\b__\w+\s*)*$/.test(head) && !ATTRIBUTE.test(head) && !head.includes('=');
}
