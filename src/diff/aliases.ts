// Names that lead to one place before the patch and to two after it, or the other way round: the
// aliases of a function or variable. Code outside of the object that uses such a name has the
// address that the name had when the kernel was linked.

import { STB_LOCAL } from '../elf/constants.js';
import type { Comparison } from './compare.js';
import type { Part, Parts } from './parts.js';

/** A name that leads somewhere else with the patch. */
export interface MovedAlias {
  readonly name: string;
  /** The name of the symbol to which it led, and of the symbol to which it would lead. */
  readonly was: string;
  readonly is: string;
}

/** The names that several parts of an object share, or shared, and that moved. */
export function movedAliases({ correlation, pre, post }: Comparison): MovedAlias[] {
  const after = partsByName(post.parts);
  return [...partsByName(pre.parts)].flatMap(([name, part]) => {
    const other = after.get(name);
    if (!part || !other || part.names.length + other.names.length < 3) return [];
    if (correlation.postOf(part) === other) return [];
    return [{ name, was: ownName(part, name), is: ownName(other, name) }];
  });
}

/** By each global name, since only those are known outside; undefined if it occurs twice. */
function partsByName({ parts }: Parts): Map<string, Part | undefined> {
  const found = new Map<string, Part | undefined>();
  for (const part of parts) {
    if (part.role !== 'code' && part.role !== 'data') continue;
    for (const { name, binding } of part.names) {
      if (binding !== STB_LOCAL) found.set(name, found.has(name) ? undefined : part);
    }
  }
  return found;
}

function ownName({ names }: Part, alias: string): string {
  return names.find(({ name }) => name !== alias)?.name ?? alias;
}
