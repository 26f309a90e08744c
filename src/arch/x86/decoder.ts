// The decoder: WebAssembly, which takes longer to load than all else. Most pairs of objects
// never need it, so it is loaded when it is first asked for.

import { createRequire } from 'node:module';

export type Decoder = typeof import('iced-x86');

let iced: Decoder | undefined;

/** The package that is loaded. */
export const DECODER = 'iced-x86';

/** Not 0: a branch backwards out of the code must not wrap around. */
export const DECODED_AT = 0x10000000;

export function loadDecoder(): Decoder {
  iced ??= createRequire(import.meta.url)(DECODER) as Decoder;
  return iced;
}
