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

/** A type that is defined where it is used, in a function; and what stays when the function is over. */
const LOCAL_TYPE =
  /\b(?:struct|union|enum)\b[^;(){}=]*\{[^}]*\}|\btypedef\b[^;]*;|\bstatic\b[^;]*;/g;
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
    return old === undefined || now === undefined || old !== now;
  });
}

/**
 * The text without the bodies of functions, of which only what could declare a type is left.
 * undefined if it is not to be told where they begin and end.
 */
export function declarations(text: string): string | undefined {
  const code = codeOf(text);
  const plain = withoutDirectives(code).replaceAll(DIRECTIVE_END, '\n');
  const parts: string[] = [...directivesIn(code)];
  let from = 0;
  for (let at = plain.indexOf('{'); at >= 0; at = plain.indexOf('{', from)) {
    const head = plain.slice(from, at);
    parts.push(head);
    const end = closingBrace(plain, at);
    if (end === undefined) return undefined;
    const body = plain.slice(at, end);
    if (isFunction(head)) {
      // As the kernel's style has it: nothing else says that braces in branches of an #if are in pairs.
      if (plain[end - 2] !== '\n' || body.slice(0, -2).includes('\n}')) return undefined;
      parts.push(...(body.match(LOCAL_TYPE) ?? []));
    } else {
      parts.push(body);
    }
    from = end;
  }
  parts.push(plain.slice(from));
  return parts.join('\n').replace(/\s+/g, ' ');
}

/** By what stands before the brace, since the last declaration. */
function isFunction(before: string): boolean {
  const head = before.slice(Math.max(before.lastIndexOf(';'), before.lastIndexOf('}')) + 1);
  return /\)\s*(?:\b__\w+\s*)*$/.test(head) && !ATTRIBUTE.test(head) && !head.includes('=');
}
