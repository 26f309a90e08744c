// The places where objects of a type may be, according to the types of a file.

import type { BtfType } from '../btf/types.js';
import type { TypeView } from './type-view.js';

/** Of a kind, this many are named. */
const NAMED = 3;

/** "the variable x is one", "struct foo has a pointer to one", …; nothing at all if it is only handed around. */
export function whoHasIt(view: TypeView, name: string): string[] {
  const found: string[] = [];
  for (const type of view.types) {
    if (type.kind === 'variable') {
      const way = leadsTo(view, type.type, name);
      if (way)
        found.push(`the variable ${type.name} ${way === 'by value' ? 'is one' : 'points to one'}`);
    } else if ((type.kind === 'struct' || type.kind === 'union') && type.name !== '') {
      const ways = view.fields(type).map((field) => leadsTo(view, field.type, name));
      const holder = `${type.kind} ${type.name}`;
      if (ways.includes('by value')) found.push(`${holder} has one in it`);
      else if (ways.includes('by pointer')) found.push(`${holder} points to one`);
    }
  }
  const shown = [...new Set(found)].slice(0, NAMED);
  const rest = new Set(found).size - shown.length;
  return rest > 0 ? [...shown, `and ${rest} more`] : shown;
}

function leadsTo(
  view: TypeView,
  number: number,
  name: string,
  depth = 0,
): 'by value' | 'by pointer' | undefined {
  const type = view.plain(number);
  if (depth > 8) return undefined;
  if (type.kind === 'pointer') {
    return leadsTo(view, type.type, name, depth + 1) ? 'by pointer' : undefined;
  }
  if (type.kind === 'array') return leadsTo(view, type.type, name, depth + 1);
  return isNamed(view, number, type, name) ? 'by value' : undefined;
}

/** By its own name, or by that of its typedef. */
function isNamed(view: TypeView, number: number, type: BtfType, name: string): boolean {
  if ('name' in type && `${type.kind} ${type.name}` === name) return true;
  const declared = view.types[number]!;
  return declared.kind === 'typedef' && declared.name === name;
}
