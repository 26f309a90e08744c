// The file `addresses-out` of an update: what of its new code others may still use when it is
// undone. One JSON object a line; there is no file if there is nothing of the kind.

import { asOneOf, asRecord, asText, type Decode, fromJson } from '../base/stored.js';

/** The file's name in an update. */
export const ADDRESSES_OUT = 'addresses-out';

const KINDS = ['function', 'data', 'literal'] as const;
const WAYS = ['passed', 'stored', 'returned', 'lost', 'table', 'pointed'] as const;

/** An address of new code that others may have. */
export interface AddressOut {
  /** What is at the address: a function, a variable, or a string, in quotes. */
  readonly symbol: string;
  readonly kind: (typeof KINDS)[number];
  /** Which function gives it away, or which table or variable points at it. */
  readonly from: string;
  /** `lost`: nothing tells; `table`: `from` is written in place; `pointed`: the address of `from` is out itself. */
  readonly how: (typeof WAYS)[number];
  /** Who gets it; '' if nobody can be named. */
  readonly to: string;
}

/** The text of the file. */
export function formatAddresses(addresses: readonly AddressOut[]): string {
  return addresses.map((one) => `${JSON.stringify(one)}\n`).join('');
}

/**
 * Reads the file.
 * @returns undefined if it is damaged
 */
export function parseAddresses(text: string): AddressOut[] | undefined {
  const lines = text.split('\n').filter((line) => line !== '');
  const found = lines.map((line) => fromJson(line, asAddress));
  return found.every((one) => one !== undefined) ? found : undefined;
}

/** What comes from a file must not act on a terminal. */
const asPlain: Decode<string> = (value) => {
  const word = asText(value);
  return word !== undefined && /^[\x20-\x7e…]*$/.test(word) ? word : undefined;
};

/** An address as it was stored; undefined if it is something else. */
export const asAddress = asRecord<AddressOut>({
  symbol: asPlain,
  kind: asOneOf(KINDS),
  from: asPlain,
  how: asOneOf(WAYS),
  to: asPlain,
});

/** One of them in words: "seq_open() is passed the address of new_ops by foo_open()". */
export function addressInWords({ symbol, kind, from, how, to }: AddressOut): string {
  const what = kind === 'function' ? `${symbol}()` : symbol;
  switch (how) {
    case 'passed':
      return `${from}() passes the address of ${what} to ${called(to)}`;
    case 'stored':
      return `${from}() stores the address of ${what}`;
    case 'returned':
      return `${from}() returns the address of ${what}`;
    case 'lost':
      return `${from}() takes the address of ${what}, and it cannot be told where that goes`;
    case 'table':
      return `${from}, which is written in place, points at ${what}`;
    case 'pointed':
      return `${from} points at ${what}`;
  }
}

function called(name: string): string {
  return name.includes(' ') ? name : `${name}()`;
}
