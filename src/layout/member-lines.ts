// A type before and after a patch, as pahole prints it, with what differs marked.

import { diffArrays } from 'diff';
import type { NamedType, TypeView } from './type-view.js';

/** Lines around a change that are shown as well. */
const CONTEXT = 2;

/** A type, a member a line: the name, then the offset and the size in bytes, with ":bit" in a bit-field. */
export function memberLines(view: TypeView, type: NamedType['type']): string[] {
  if (type.kind === 'enum') return type.enumerators.map(({ name, value }) => `${name} = ${value}`);
  const members = view.fields(type).map(({ name, type: of, offset, width, isBitField }) => {
    const text = `${declare(view.describe(of), name)}${isBitField ? `:${width}` : ''};`;
    const bit = isBitField ? `:${offset % 8}` : '';
    const size = isBitField ? '' : ` ${Math.ceil(width / 8)}`;
    return `${text.padEnd(40)} /* ${Math.floor(offset / 8)}${bit}${size} */`;
  });
  return [...members, `/* size: ${type.size} */`];
}

function declare(type: string, name: string): string {
  if (type.includes('(*)')) return type.replace('(*)', `(*${name})`);
  const array = /(\[\d*\])+$/.exec(type)?.[0] ?? '';
  const element = type.slice(0, type.length - array.length);
  return `${element}${element.endsWith('*') ? '' : ' '}${name}${array}`;
}

/** The lines of both, those that go with "-", and those that come with "+". */
export function layoutDiff(before: readonly string[], after: readonly string[]): string[] {
  const lines = diffArrays([...before], [...after]).flatMap(({ added, removed, value }) =>
    value.map((line) => ({ mark: added ? '+' : removed ? '-' : ' ', line })),
  );
  const near = (index: number) =>
    lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ mark }) => mark !== ' ');
  const shown: string[] = [];
  for (const [index, { mark, line }] of lines.entries()) {
    if (near(index)) shown.push(`${mark} ${line}`);
    else if (shown.at(-1) !== '  ...') shown.push('  ...');
  }
  return shown;
}
