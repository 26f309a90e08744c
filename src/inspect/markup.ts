// HTML that cannot be broken out of: in the template, everything that is put in
// is escaped unless it is markup already.

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
  return text
    .replace(/[&<>"']/g, (char) => ENTITIES[char]!)
    .replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
