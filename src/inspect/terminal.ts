// An inspection for a terminal.

import type { Colour, ResultLine } from '../base/ui.js';
import { addressInWords } from '../update/addresses-out.js';
import { fixLines } from '../update/fixes.js';
import { fold, type Row, type RowKind } from './align.js';
import { type ChangedPart, isCodePart } from './changed-parts.js';
import type { Line } from './code.js';
import { type DataTypes, typeFate } from './data-types.js';
import type { Inspection, TargetInspection } from './inspection.js';
import type { Listing } from './listing.js';
import type { NeededSymbol } from './symbols.js';
import { fate, grouped, moment, sizeChange, wayTo } from './words.js';

/** All but the code. */
export function overviewLines(inspection: Inspection): ResultLine[] {
  const { id, description, kernel, made, provedAgainst, on, targets } = inspection;
  const { allowBusy, allowLayout, dataTypes, addressesOut, fixes } = inspection;
  const [first, ...more] = description.split('\n');
  return [
    [['bold', `Update ${id}`], first ? `: ${first}` : ''],
    ...more.map((line) => `  ${line}`),
    ...fixLines(fixes).map((line) => `  ${line}`),
    `  for ${kernel.system} ${kernel.release} (${kernel.machine}), made ${moment(made)}`,
    ...(provedAgainst === undefined ? [] : [`  proved against ${provedAgainst} when it was made`]),
    ...(on.length === 0 ? [] : [`  on top of ${on.join(', ')}: apply that first`]),
    ...(allowBusy.length === 0 ? [] : [`  may be busy at the switch: ${allowBusy.join(', ')}`]),
    ...(allowLayout.length === 0
      ? []
      : [`  changes types that are in use: ${allowLayout.join(', ')}`]),
    ...(addressesOut.length === 0
      ? []
      : [
          '  undo leaves its new code loaded until the next boot, because others get addresses in it:',
        ]),
    ...addressesOut.map((one) => `    ${addressInWords(one)}`),
    ...typeLines(dataTypes),
    ...targets.flatMap(targetLines),
  ];
}

/** Of those that existing data does not stand against. */
function typeLines(types: DataTypes): ResultLine[] {
  if (types.comparing !== 'compared') return [];
  const harmless = types.changes.filter(({ verdict }) => verdict !== 'allowed');
  if (harmless.length === 0) return [];
  return [
    '  changes types without harm',
    ...harmless.map((type): ResultLine => [`    ${type.name}  `, ['dim', typeFate(type)]]),
  ];
}

function targetLines(target: TargetInspection): ResultLine[] {
  const { modules, objects, parts, matched } = target;
  const files = modules.map(({ file, bytes }) => `${file} (${grouped(bytes)} bytes)`);
  const added = parts.filter(({ object }) => object === '');
  return [
    '',
    [['bold', target.target]],
    `  loads ${files.join(', ')}`,
    ...objects.flatMap((object) => [
      `  ${object}`,
      ...partLines(parts.filter((part) => part.object === object)),
    ]),
    ...(added.length === 0 ? [] : ['  only in the new code', ...partLines(added)]),
    ...tableLines(target),
    ...symbolLines(target.symbols),
    '  compared with the running kernel before the switch',
    `    ${grouped(matched.functions)} functions, ${grouped(matched.code)} bytes; ${grouped(matched.replaced)} of them replaced`,
    `    ${grouped(matched.data)} bytes of read-only data`,
    `    ${grouped(matched.keys)} addresses to be inferred`,
  ];
}

function partLines(parts: readonly ChangedPart[]): ResultLine[] {
  const rows = parts.map((part) => ({
    name: `${part.kind === 'cold' ? '  ' : ''}${part.name}`,
    size: sizeChange(part, '->'),
    what: fate(part),
  }));
  const names = widest(rows.map(({ name }) => name));
  const sizes = widest(rows.map(({ size }) => size));
  return rows.map(({ name, size, what }) => [
    `    ${name.padEnd(names)}  ${size.padEnd(sizes)}  `,
    ['dim', what],
  ]);
}

function tableLines({ tables }: TargetInspection): ResultLine[] {
  if (tables.length === 0) return ['  no special tables in the new code'];
  const names = widest(tables.map(({ name }) => name));
  return [
    '  special tables of the new code',
    ...tables.map(
      ({ name, entries, mechanism }): ResultLine => [
        `    ${name.padEnd(names)}  ${String(entries).padStart(4)}  `,
        ['dim', mechanism],
      ],
    ),
  ];
}

function symbolLines(symbols: readonly NeededSymbol[]): ResultLine[] {
  const names = widest(symbols.map(({ name }) => name));
  return [
    `  symbols needed: ${symbols.length}`,
    ...symbols.map((symbol): ResultLine => {
      const compared = symbol.compared ? '; compared with run-pre matching' : '';
      return [`    ${symbol.name.padEnd(names)}  `, ['dim', `${wayTo(symbol)}${compared}`]];
    }),
  ];
}

const MARKS: Readonly<Record<RowKind, string>> = {
  same: ' ',
  changed: '|',
  removed: '<',
  added: '>',
};
const COLOURS: Readonly<Record<RowKind, readonly [old: Colour, now: Colour] | undefined>> = {
  same: undefined,
  changed: ['yellow', 'yellow'],
  removed: ['red', 'red'],
  added: ['green', 'green'],
};

export interface ListingOptions {
  /** Equal lines to show around each difference; Infinity for all. */
  readonly context: number;
}

/** Old code on the left, new code on the right. */
export function listingLines(listings: readonly Listing[], options: ListingOptions): ResultLine[] {
  return listings.flatMap(({ part, rows }, index): ResultLine[] => [
    ...(index > 0 ? [''] : []),
    [
      ['bold', part.name],
      `  ${[part.object, fate(part), sizeChange(part, '->')].filter((word) => word !== '').join(', ')}`,
    ],
    ...rowLines(rows, isCodePart(part) ? CODE_WIDTH : DATA_WIDTH, options),
  ]);
}

/** The left column is not wider than this: few instructions are, and most rows of data are not. */
const CODE_WIDTH = 64;
const DATA_WIDTH = 88;

function rowLines(rows: readonly Row[], most: number, { context }: ListingOptions): ResultLine[] {
  const stretches = fold(rows, context);
  const shown = stretches.flatMap((stretch) => (stretch.folded ? [] : stretch.rows));
  const left = Math.min(most, widest(shown.map((row) => lineText(row.old))));
  return stretches.flatMap((stretch): ResultLine[] => {
    if (stretch.folded) return [[['dim', `      ... ${stretch.rows.length} equal lines`]]];
    return stretch.rows.flatMap((row) => rowLine(row, left));
  });
}

function rowLine({ kind, old, new: now }: Row, left: number): ResultLine[] {
  const colours = COLOURS[kind];
  const [oldText, newText] = [lineText(old), lineText(now)];
  // Nothing is cut off: what is too long has a line of its own.
  const wide = oldText.length > left;
  const before = wide ? '' : oldText;
  const middle = `${' '.repeat(left - before.length)} ${MARKS[kind]} `;
  const side = (text: string, index: 0 | 1) => (colours ? ([colours[index], text] as const) : text);
  const line = [side(before, 0), now ? middle : middle.trimEnd(), side(newText, 1)];
  return wide ? [[side(oldText, 0)], line] : [line];
}

function lineText(line: Line | undefined): string {
  if (!line) return '';
  const note = line.note ? `  [${line.note}]` : '';
  return `${line.offset.toString(16).padStart(6)}  ${line.text}${note}`;
}

/** The source patch. */
export function patchLines(patch: string): ResultLine[] {
  return patch
    .replace(/\n$/, '')
    .split('\n')
    .map((line): ResultLine => {
      const colour = patchColour(line);
      return colour ? [[colour, line]] : line;
    });
}

function patchColour(line: string): Colour | undefined {
  if (/^(diff |---|\+\+\+)/.test(line)) return 'bold';
  if (line.startsWith('@@')) return 'cyan';
  if (line.startsWith('+')) return 'green';
  return line.startsWith('-') ? 'red' : undefined;
}

function widest(words: readonly string[]): number {
  return words.reduce((width, word) => Math.max(width, word.length), 0);
}
