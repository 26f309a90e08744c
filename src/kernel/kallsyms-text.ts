// Symbols as text: /proc/kallsyms ("ADDRESS TYPE NAME", and "[MODULE]" where
// the symbol is a module's) and System.map, which is the same without modules.

import { readFileSync } from 'node:fs';
import { type ErrorCode, KspliceError } from '../base/errors.js';
import type { KernelSymbol } from './symbols.js';

/** "ffffffff81000000 T " comes before the name. */
const ADDRESS = 16;
const TYPE = 17;
const NAME = 19;

/**
 * kallsyms of a running kernel. The text has 100,000 lines and more, of which
 * a check needs a few hundred: the names are indexed, all else is read when
 * asked for.
 */
export class Kallsyms {
  /** Where the lines of a name start in the text. */
  private readonly lines = new Map<string, number | number[]>();
  private cache: KernelSymbol[] | undefined;

  /** Use parseKallsyms(). */
  constructor(
    private readonly text: string,
    complain: (line: number) => Error,
  ) {
    forEachLine(text, complain, (start, end) => {
      this.addLine(text.slice(start + NAME, end), start);
    });
  }

  /** Of the kernel proper, in the order of the text: by address. */
  get symbols(): readonly KernelSymbol[] {
    if (this.cache) return this.cache;
    const starts: number[] = [];
    for (const lines of this.lines.values()) starts.push(...[lines].flat());
    this.cache = starts
      .sort((a, b) => a - b)
      .filter((start) => this.moduleAt(start) === VMLINUX)
      .map((start) => symbolAt(this.text, start, nameEnd(this.text, start, this.text.length)));
    return this.cache;
  }

  /** Addresses of a name in a module, in "vmlinux", or everywhere; in the order of the text. */
  lookup(name: string, module?: string): bigint[] {
    const starts = [this.lines.get(name) ?? []].flat();
    const wanted =
      module === undefined ? starts : starts.filter((start) => this.moduleAt(start) === module);
    return wanted.map((start) => this.addressAt(start));
  }

  private addLine(name: string, start: number): void {
    const known = this.lines.get(name);
    if (known === undefined) this.lines.set(name, start);
    else if (typeof known === 'number') this.lines.set(name, [known, start]);
    else known.push(start);
  }

  private addressAt(start: number): bigint {
    return addressAt(this.text, start);
  }

  /** After the name: nothing, or a tab and "[MODULE]". */
  private moduleAt(start: number): string {
    const { text } = this;
    const after = nameEnd(text, start, text.length);
    if (text.charAt(after) !== '\t') return VMLINUX;
    return text.slice(after + 2, text.indexOf(']', after));
  }
}

const VMLINUX = 'vmlinux';

const isHex = (code: number): boolean => (code >= 48 && code <= 57) || (code >= 97 && code <= 102);

/** @param each is given the start of each line, and the end of the name in it */
function forEachLine(
  text: string,
  complain: (line: number) => Error,
  each: (start: number, end: number) => void,
): void {
  let number = 0;
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    number++;
    if (!isLine(text, start, end)) throw complain(number);
    each(start, nameEnd(text, start, end));
    start = end + 1;
  }
}

function symbolAt(text: string, start: number, end: number): KernelSymbol {
  return {
    name: text.slice(start + NAME, end),
    type: text.charAt(start + TYPE),
    address: addressAt(text, start),
  };
}

function addressAt(text: string, start: number): bigint {
  return BigInt(`0x${text.slice(start, start + ADDRESS)}`);
}

/** Character by character: a regular expression takes three times as long. */
function isLine(text: string, start: number, end: number): boolean {
  if (end <= start + NAME || text.charCodeAt(start + ADDRESS) !== 32) return false;
  if (text.charCodeAt(start + TYPE + 1) !== 32) return false;
  for (let at = start; at < start + ADDRESS; at++) {
    if (!isHex(text.charCodeAt(at))) return false;
  }
  const after = nameEnd(text, start, end);
  if (after === start + NAME) return false;
  if (after === end) return true;
  return /^\t\[[^\]\s]+\]$/.test(text.slice(after, end));
}

/** Names have no white space. */
function nameEnd(text: string, start: number, end: number): number {
  let at = start + NAME;
  while (at < end && text.charCodeAt(at) > 32) at++;
  return at;
}

/**
 * @param code of the error that a malformed line gives
 * @throws KspliceError of that code, naming the line
 */
export function parseKallsyms(text: string, origin: string, code: ErrorCode): Kallsyms {
  return new Kallsyms(text, (line) => notASymbol(line, origin, code));
}

function notASymbol(line: number, origin: string, code: ErrorCode): KspliceError {
  return new KspliceError(code, `${origin}: line ${line} is no symbol`, {
    advice: 'The file is damaged; make it again.',
  });
}

/** kallsyms_show_value() says no: every address reads as zero. */
export function hidesAddresses(kallsyms: Kallsyms): boolean {
  return kallsyms.lookup('_text').every((address) => address === 0n);
}

/**
 * Reads a System.map.
 * @throws KspliceError `bad-confdir` if it cannot be read, is malformed, or is
 *   the placeholder that Debian's image packages hold
 */
export function readSystemMap(path: string): KernelSymbol[] {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (cause) {
    throw new KspliceError('bad-confdir', `cannot read ${path}`, { cause });
  }
  if (isPlaceholder(text)) {
    throw new KspliceError('bad-confdir', `${path} holds no symbols`, {
      advice: 'It is a placeholder; `ksplice-ts configure` takes the real one out of the image.',
    });
  }
  const symbols: KernelSymbol[] = [];
  forEachLine(
    text,
    (line) => notASymbol(line, path, 'bad-confdir'),
    (start, end) => symbols.push(symbolAt(text, start, end)),
  );
  return symbols;
}

/** Debian's image packages hold one line in the place of System.map: where to find it. */
export function isPlaceholder(systemMap: string): boolean {
  const end = systemMap.indexOf('\n');
  return !isLine(systemMap, 0, end < 0 ? systemMap.length : end);
}

/** The text of a System.map. */
export function formatSystemMap(symbols: readonly KernelSymbol[]): string {
  return symbols
    .map(({ address, type, name }) => `${address.toString(16).padStart(16, '0')} ${type} ${name}\n`)
    .join('');
}
