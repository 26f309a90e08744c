// Who mentions which static locals, and who calls whom, in one object.

import { coldParent } from './names.js';
import type { Part, Parts } from './parts.js';
import { forEachReference } from './references.js';
import type { SectionRole } from './sections.js';

/** Code and data mention variables; tables mention them for the code at their sites. */
const mentioners: ReadonlySet<SectionRole> = new Set(['code', 'data', 'init']);

/**
 * The users of some variables. A function and its `.cold` part are one user: which of the
 * two mentions a variable is the compiler's choice.
 */
export class Mentions {
  /** In the order of mention. */
  private readonly byPlace = new Map<Part, Set<Part>>();
  private readonly byUser = new Map<Part, Set<Part>>();
  private readonly callees = new Map<Part, Set<Part>>();
  private readonly functions = new Map<string, Part>();

  constructor(
    parts: Parts,
    readonly wanted: ReadonlySet<Part>,
  ) {
    if (wanted.size === 0) return;
    for (const part of parts.parts) if (part.isFunction) this.functions.set(part.symbol.name, part);
    const sections = new Set([...wanted].map((part) => part.section));
    const isCode = (role: SectionRole | undefined) => role === 'code' || role === 'init';
    forEachReference(
      parts,
      mentioners,
      (section) => sections.has(section) || isCode(parts.roles[section.index]),
      ({ from, target }) => {
        if (!from || target.kind !== 'part') return;
        if (target.part.isFunction) add(this.callees, this.userOf(from), this.userOf(target.part));
        if (!wanted.has(target.part)) return;
        add(this.byPlace, from, target.part);
        add(this.byUser, this.userOf(from), target.part);
      },
    );
  }

  /** The parts that mention any: functions, `.cold` parts, variables. */
  places(): Iterable<Part> {
    return this.byPlace.keys();
  }

  /** The parts of a user that mention any: a function, its `.cold` part. */
  placesOf(user: Part): Part[] {
    return [...this.byPlace.keys()].filter((place) => this.userOf(place) === user);
  }

  users(): Iterable<Part> {
    return this.byUser.keys();
  }

  /** What a user mentions. */
  of(user: Part): Part[] {
    return [...(this.byUser.get(user) ?? [])];
  }

  usersOf(variable: Part): Part[] {
    return [...this.byUser].filter(([, set]) => set.has(variable)).map(([user]) => user);
  }

  /** The functions of this object that a function calls or has the address of. */
  calledBy(user: Part): Part[] {
    return [...(this.callees.get(user) ?? [])];
  }

  private userOf(part: Part): Part {
    const parent = part.isFunction ? coldParent(part.symbol.name) : undefined;
    return (parent === undefined ? undefined : this.functions.get(parent)) ?? part;
  }
}

function add(map: Map<Part, Set<Part>>, key: Part, value: Part): void {
  const set = map.get(key);
  if (set) set.add(value);
  else map.set(key, new Set([value]));
}
