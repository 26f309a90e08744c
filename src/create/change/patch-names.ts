// File names in the headers of a patch: git's quotes, the times that diff writes
// behind them, and what a time says about the file.

import { textOfBytes } from './byte-text.js';

/** One side of a file's header. */
export interface HeaderName {
  /** As the patch writes it; undefined for /dev/null. */
  readonly name: string | undefined;
  /** The time is the epoch, which is how diff -N says that there is no such file. */
  readonly isEpoch: boolean;
}

// Some diffs have blanks before the time where others have a tab.
const TIME =
  /[\t ]+((?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ \d]\d .*))$/;

/** Reads a `---` or `+++` line. */
export function headerName(line: string): HeaderName {
  const text = line.slice(4).trimEnd();
  const tab = text.indexOf('\t');
  const time = TIME.exec(text);
  const end = tab >= 0 ? tab : (time?.index ?? text.length);
  const name = unquoted(text.slice(0, end).trimEnd());
  return {
    name: name === '/dev/null' ? undefined : name,
    isEpoch: time !== null && isEpoch(time[1] as string),
  };
}

function isEpoch(time: string): boolean {
  const iso = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?: ?([-+]\d\d):?(\d\d))?/.exec(
    time,
  );
  // A time without a zone is taken for UTC, as patch(1) takes it with -Z.
  const text = iso ? `${iso[1]}T${iso[2]}${iso[3] ? `${iso[3]}:${iso[4]}` : 'Z'}` : `${time} UTC`;
  return Date.parse(text) === 0;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
};

/**
 * A name as text, without the quotes that git puts around unusual ones: as in C, with octal bytes.
 * @param name one byte a character
 */
export function unquoted(name: string): string {
  if (name.length < 2 || !name.startsWith('"') || !name.endsWith('"')) return textOfBytes(name);
  const bytes = name
    .slice(1, -1)
    .replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
      code.length === 3
        ? String.fromCharCode(Number.parseInt(code, 8) & 0xff)
        : (ESCAPES[code] ?? code),
    );
  return textOfBytes(bytes);
}

const QUOTED_OR_WORD = '("(?:[^"\\\\]|\\\\.)*"|\\S+)';
const TWO_NAMES = new RegExp(`^${QUOTED_OR_WORD} ${QUOTED_OR_WORD}$`);

/**
 * The names after `diff --git`. Blanks are not quoted there, so two names with
 * blanks can only be told apart if they are the same but for the directory that git
 * puts in front; if not, the lines below say them.
 */
export function gitNames(text: string): readonly [string, string] | undefined {
  const words = TWO_NAMES.exec(text);
  if (words) return [unquoted(words[1] as string), unquoted(words[2] as string)];
  const same = /^(?:[^/ ]+\/)?(.+) (?:[^/ ]+\/)?\1$/.exec(text);
  if (!same) return undefined;
  const middle = text.length - (same[1] as string).length;
  const end = text.lastIndexOf(' ', middle);
  return [textOfBytes(text.slice(0, end)), textOfBytes(text.slice(end + 1))];
}

/** Whether two names mean one file: the same, or the same below their first directory. */
export function isOneFile(a: string, b: string): boolean {
  const below = (name: string) => name.slice(name.indexOf('/') + 1);
  return a === b || below(a) === below(b);
}
