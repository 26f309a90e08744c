// HTML that cannot be broken out of: in the template, everything that is put in
// is escaped unless it is markup already.

import { numbered } from '../unseen.js';

/** A piece of HTML. */
export class Markup {
  constructor(readonly text: string) {}
}

type ChangedPart = Markup | string | number | readonly ChangedPart[];

/** Joins a template; strings become text, whatever is in them. */
export function html(template: TemplateStringsArray, ...parts: readonly ChangedPart[]): Markup {
  const text = template.map((piece, index) => {
    const part = parts[index];
    return part === undefined ? piece : piece + render(part);
  });
  return new Markup(text.join(''));
}

function render(part: ChangedPart): string {
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(render).join('');
  return escapeText(String(part));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text for HTML, in an element or in a quoted attribute. Characters that cannot
 * be seen, and those that make a line read otherwise than it is (directions,
 * as in "Trojan source"), are shown by their number.
 */
export function escapeText(text: string): string {
  return numbered(text.replace(/[&<>"']/g, (char) => ENTITIES[char]!));
}
