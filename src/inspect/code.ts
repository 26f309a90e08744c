// Code and data as a person reads them, the same for both sides of a change:
// old code out of a match program, new code out of a module.

import { coldParent } from '../diff/names.js';

/** What a number in the code stands for: a symbol, a string in quotes or a section, and a distance from it. */
export interface Referent {
  readonly name: string;
  /** In bytes from what is named. */
  readonly offset: number;
  /** A place in a function: such places move when the function changes. */
  readonly isCode: boolean;
}

/** A number that the linker or the module loader fills in. */
export interface CodeReference {
  /** Of the number, in bytes from the start of the code. */
  readonly offset: number;
  readonly width: number;
  /** Counted from the end of its instruction. */
  readonly pcrel: boolean;
  /** @param rest bytes from the number to the end of its instruction; 0 unless `pcrel` */
  readonly referent: (rest: number) => Referent;
}

/** Why the kernel may rewrite a place. */
export interface Note {
  /** "jump label" */
  readonly text: string;
  /** For a jump label: where it leads to when it is on. */
  readonly leadsTo?: Referent;
}

/** A function or a block of data, with what is known about it. */
export interface Code {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Ascending, without overlap. */
  readonly references: readonly CodeReference[];
  /** By offset. */
  readonly notes: ReadonlyMap<number, Note>;
  /** What lies at a distance from the start of the code, outside of it. */
  readonly outside: (offset: number) => Referent | undefined;
}

/** One instruction, or up to 16 bytes of data. */
export interface Line {
  /** In bytes from the start of the function or data. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** AT&T syntax, operands by symbol. */
  readonly text: string;
  /** The text without distances that move with the code: lines with equal keys say the same. */
  readonly key: string;
  /** For a branch, or a jump label: where to. */
  readonly leadsTo?: Referent;
  readonly note?: string;
}

/** "tcp_filter+0x12". */
export function showReferent({ name, offset }: Referent): string {
  if (offset === 0) return name;
  return `${name}${offset < 0 ? '-' : '+'}0x${Math.abs(offset).toString(16)}`;
}

/** The referent, without the distance of a place in code: align.ts compares where such places are. */
export function referentKey(referent: Referent): string {
  return isInside(referent) ? `${referent.name}+` : showReferent(referent);
}

/** Whether a place is somewhere in a function; nobody calls a cold part, so its start is such a place too. */
export function isInside({ name, offset, isCode }: Referent): boolean {
  return isCode && (offset !== 0 || coldParent(name) !== undefined);
}

const SHOWN = 48;

/** The NUL-terminated string at an offset as a referent's name; undefined if it is none that can be read. */
export function quoteString(bytes: Uint8Array, offset = 0): string | undefined {
  if (offset < 0 || offset >= bytes.length) return undefined;
  const end = bytes.indexOf(0, offset);
  if (end < 0) return undefined;
  const text = Buffer.from(bytes.subarray(offset, end)).toString('latin1');
  // A printk prefix and line ends are all that strings of the kernel have besides text.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: KERN_SOH is one
  if (!/^[\x01\t\n\r\x20-\x7e]*$/.test(text)) return undefined;
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

/**
 * Read-only data that the compiler named by a number or not at all, by what it
 * holds: such names differ from one compilation to the next.
 * @param section the name of its input section
 * @param offset in the bytes, of what is referred to
 */
export function quoteData(section: string, bytes: Uint8Array, offset: number): string | undefined {
  const unit = Number(/\.cst(\d{1,2})$/.exec(section)?.[1] ?? 0);
  if (unit > 0 && offset >= 0 && offset + unit <= bytes.length) {
    const number = Buffer.from(bytes.subarray(offset, offset + unit))
      .reverse()
      .toString('hex');
    return `{0x${number}}`;
  }
  if (/\.str\d/.test(section)) return quoteString(bytes, offset);
  // __func__; other data may look like text by chance.
  const text = quoteString(bytes, offset);
  return text !== undefined && /^"[A-Za-z_]\w{2,}…?"$/.test(text) ? text : undefined;
}

/** Rows of 16 bytes; numbers that are filled in show as what they stand for. */
export function dataLines({ bytes, references }: Code): Line[] {
  const lines: Line[] = [];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const row = bytes.subarray(offset, offset + 16);
    const inRow = references.filter((one) => one.offset >= offset && one.offset < offset + 16);
    const hex = (Buffer.from(row).toString('hex').match(/../g) ?? []).join(' ');
    const ascii = Buffer.from(row)
      .toString('latin1')
      .replace(/[^\x20-\x7e]/g, '.');
    const referents = inRow.map(({ referent }) => referent(0));
    const shown = (of: (referent: Referent) => string) => [
      inRow.length > 0 ? '' : ascii,
      ...referents.map(of),
    ];
    lines.push({
      offset,
      bytes: row,
      text: [hex, ...shown(showReferent)].filter((part) => part !== '').join('  '),
      key: [hex, ...shown(referentKey)].join(' '),
    });
  }
  return lines;
}
