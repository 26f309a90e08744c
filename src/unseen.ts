// Characters that act on a terminal, or that make a line read otherwise than it is. What comes from
// an update, a patch or a tool may have any of them; a person is shown their numbers.

/** What drives a terminal: all controls but line ends and tabs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Those, and what cannot be seen or changes the direction of writing (as in "Trojan source"). */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Control characters that do no harm and are in source: form feeds, and CR where a line ends. */
const HARMLESS = /^(\f|\r)$/;

/** Text for a person's eyes: "\x1b" and "\u202e" in the place of what is unseen. */
export function shown(text: string): string {
  return text.replace(UNSEEN, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : unicode(char);
  });
}

/**
 * Text for a pipe or a file, behind which a terminal may be (`less -R`, ssh): nothing acts on it, and
 * a patch stays what it is.
 */
export function harmless(text: string): string {
  return text.replace(CONTROLS, (char, at: number) => {
    const ends = char !== '\r' || at + 1 === text.length || text[at + 1] === '\n';
    return HARMLESS.test(char) && ends ? char : shown(char);
  });
}

/** Text in which everything unseen is "\u009b", as HTML pages and JSON have it. */
export function numbered(text: string): string {
  return text.replace(UNSEEN, unicode);
}

function unicode(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
