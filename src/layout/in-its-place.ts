// Which struct comes in the place of one that is gone, where their members do not tell: a function
// that took a `void *` for the old one takes it for the new one. By the source.

import { codeOf, functionsIn, type SourceText } from './code-text.js';

/** The name of the type that comes in its place, of those that are new; undefined if none does. */
export type Successor = (gone: string, came: readonly string[]) => string | undefined;

/**
 * Asks the functions that are in both texts: one of them had pointers to the old type and has none
 * now, and has pointers to the new one and had none.
 */
export function inItsPlace(
  before: readonly SourceText[],
  after: readonly SourceText[],
  gone: string,
  came: readonly string[],
): string | undefined {
  const pointer = pointersTo(gone);
  const now = new Map(after.map(({ path, text }) => [path, text]));
  for (const { path, text } of before) {
    const other = now.get(path);
    if (other === undefined || other === text || !pointer.test(text)) continue;
    const bodies = bodiesOf(other);
    for (const [name, body] of bodiesOf(text)) {
      const next = bodies.get(name);
      if (next === undefined || !pointer.test(body) || pointer.test(next)) continue;
      const found = came.find(
        (type) => pointersTo(type).test(next) && !pointersTo(type).test(body),
      );
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** `struct foo *`, also with const; or a typedef's name. */
function pointersTo(type: string): RegExp {
  return new RegExp(`(?<![\\w.>])${type.replace(' ', '\\s+')}\\s+(?:const\\s+)?\\*`);
}

/** Of functions with a name, their heads included. */
function bodiesOf(text: string): Map<string, string> {
  const code = codeOf(text);
  return new Map(
    functionsIn(code).flatMap(({ name, start, end }) =>
      name === undefined ? [] : [[name, code.slice(start, end)] as const],
    ),
  );
}
