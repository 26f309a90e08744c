// What the terminal and the page say in the same words.

import type { PartKind } from './changed-parts.js';
import { type ChangedPart, newSize, oldSize } from './changed-parts.js';
import type { NeededSymbol } from './symbols.js';

/** "3933 -> 3951 bytes", "18 bytes". */
export function sizeChange(part: ChangedPart, arrow: string): string {
  const [before, after] = [oldSize(part), newSize(part)];
  if (part.old && part.new) return `${grouped(before)} ${arrow} ${grouped(after)} bytes`;
  return `${grouped(part.old ? before : after)} bytes`;
}

/** What becomes of a part. */
export function fate({ kind, old, new: now }: ChangedPart): string {
  if (kind === 'cold' && !old) return 'new cold part';
  if (kind === 'cold') return now ? 'cold part' : 'cold part, gone';
  return FATES[kind];
}

const FATES: Readonly<Record<Exclude<PartKind, 'cold'>, string>> = {
  function: 'replaced',
  data: 'data, written in place',
  copy: 'copied along, not replaced',
  'new-function': 'new function',
  'new-data': 'data of the new code',
};

/** How the loader finds a symbol. */
export function wayTo(symbol: NeededSymbol): string {
  switch (symbol.how) {
    case 'position':
      return `number ${symbol.position} of that name in ${symbol.object}`;
    case 'exported':
      return symbol.version ? `exported, version ${symbol.version}` : 'exported, without a version';
    case 'weak':
      return 'weak: zero if the kernel does not export it';
    case 'core':
      return 'exported by the ksplice module';
  }
}

/** "10,967" */
export function grouped(number: number): string {
  return number.toLocaleString('en-US');
}

/** "2026-11-20 17:08 UTC" */
export function moment(timestamp: string): string {
  return new Date(timestamp).toISOString().replace(/T(\d\d:\d\d).*/, ' $1 UTC');
}
