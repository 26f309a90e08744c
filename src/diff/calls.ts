// Which addresses a function hands to what it calls: a walk over its instructions, in their
// order, that follows addresses of the object's parts through registers. What may come by
// several ways is a set, which may have an address more than really comes. What is put into
// memory is lost, but for the own stack. This is good enough for notes, and not for
// decisions.

import { machine } from '../arch/index.js';
import type { Move, Slot } from '../arch/machine.js';
import type { Relocation } from '../elf/object.js';
import { relocationsIn } from './extents.js';
import type { Part, Parts } from './parts.js';
import { findTarget } from './targets.js';

/** A part whose address is handed on, an own parameter by its number, or a place on the own stack. */
export type Handed = Part | number | 'stack';

/** A call, or a jump that takes the place of one, or a copy by `rep movs`. */
export interface Call {
  /** A part of this object, or the name of something else. */
  readonly callee: Part | string;
  /** What may be in the first six arguments. */
  readonly arguments: readonly ReadonlySet<Handed>[];
  /** Parts whose addresses have been stored on the stack up to here. */
  readonly stored: ReadonlySet<Part>;
}

/** The callee of a copy by `rep movs`, whose arguments are those of memcpy(). */
export const REP_MOVS = 'memcpy';

/** What each register and place on the own stack may hold. */
type State = Map<Slot, ReadonlySet<Handed>>;

const NOTHING: ReadonlySet<Handed> = new Set();
const STACK: ReadonlySet<Handed> = new Set(['stack']);
/** What a function calls at its start if it is traced. */
export const TRACERS: ReadonlySet<string> = new Set(['__fentry__', 'mcount']);

/** The calls of a function, in their order. */
export function callsOf(parts: Parts, part: Part): readonly Call[] {
  return new Walk(parts, part).calls();
}

class Walk {
  private found: Call[] = [];
  private readonly stored = new Set<Part>();
  /** States that branches bring to other places, by offset in the section. */
  private readonly arriving = new Map<number, State>();
  private readonly parameters = machine.code.slots.parameters;
  private readonly lost = machine.code.slots.lost;
  private readonly stack = machine.code.slots.stack;
  private state: State = new Map();

  constructor(
    private readonly parts: Parts,
    private readonly part: Part,
  ) {}

  calls(): readonly Call[] {
    const { section, start, end } = this.part;
    const moves = machine.code.movesOf(section, start, end);
    // Branches backwards bring more to what has been walked through already.
    for (let round = 0, before = -1; round < MOST_ROUNDS && before < this.arrived(); round++) {
      before = this.arrived();
      this.walk(moves);
    }
    return this.found;
  }

  private walk(moves: readonly Move[]): void {
    this.found = [];
    this.state = new Map(this.parameters.map((register, i) => [register, new Set([i])]));
    const relocations = relocationsIn(this.parts.object, this.part);
    let next = 0;
    for (const move of moves) {
      const own: Relocation[] = [];
      for (; next < relocations.length && relocations[next]!.offset < move.end; next++) {
        own.push(relocations[next]!);
      }
      this.merge(this.arriving.get(move.start));
      this.step(move, own);
    }
  }

  /** How much branches have brought; it only grows. */
  private arrived(): number {
    let sum = 0;
    for (const state of this.arriving.values()) {
      for (const values of state.values()) sum += 1 + values.size;
    }
    return sum;
  }

  private step(move: Move, own: readonly Relocation[]): void {
    switch (move.flow) {
      case 'call':
        this.call(move, own);
        return;
      case 'branch':
        this.branch(move, own);
        return;
      case 'jump':
        this.branch(move, own);
        this.state = new Map();
        return;
      case 'stop':
        this.state = new Map();
        return;
      case 'next':
        this.plain(move, own);
    }
  }

  private call(move: Move, own: readonly Relocation[]): void {
    const callee = this.calleeOf(move, own);
    if (typeof callee === 'string' && TRACERS.has(callee)) return;
    if (callee !== undefined) this.note(callee);
    for (const register of this.lost) this.state.delete(register);
  }

  private branch(move: Move, own: readonly Relocation[]): void {
    const callee = this.calleeOf(move, own);
    if (callee !== undefined && callee !== this.part) {
      this.note(callee);
      return;
    }
    if (move.target === undefined) return;
    const before = this.arriving.get(move.target);
    this.arriving.set(move.target, before ? united(before, this.state) : new Map(this.state));
  }

  private note(callee: Part | string): void {
    this.found.push({
      callee,
      arguments: this.parameters.map((register) => this.held(register)),
      stored: new Set(this.stored),
    });
  }

  /** Where a call or jump leads; undefined if only the running code knows. */
  private calleeOf(
    { target }: Move,
    [relocation]: readonly Relocation[],
  ): Part | string | undefined {
    const { section } = this.part;
    if (!relocation) return target === undefined ? undefined : this.parts.at(section, target);
    const place = findTarget(this.parts, section, relocation);
    if (place.kind === 'section') return undefined;
    return place.kind === 'external' ? place.name : place.part;
  }

  private plain(move: Move, own: readonly Relocation[]): void {
    const { copies, store, into, written } = move;
    if (copies) this.note(REP_MOVS);
    const value = this.valueOf(move, own);
    if (store) {
      if (store.slot !== undefined) this.put(store.slot, value);
      if (this.state.get(store.base)?.has('stack')) {
        for (const one of value) if (typeof one === 'object') this.stored.add(one);
      }
    }
    const before = into ? this.held(into.slot) : NOTHING;
    if (into?.how === 'swap') {
      this.put(into.slot, value);
      this.put(into.other, before);
      return;
    }
    for (const register of written) this.state.delete(register);
    if (into) this.put(into.slot, into.how === 'add' ? new Set([...before, ...value]) : value);
  }

  /** What an instruction takes as a value: from its relocation, and from registers or the own stack. */
  private valueOf(move: Move, own: readonly Relocation[]): ReadonlySet<Handed> {
    if (!move.takesField && move.sources.length === 1) return this.held(move.sources[0]!);
    const values = new Set<Handed>();
    const isField = ({ offset }: Relocation) =>
      offset === move.immediate || offset === move.displacement;
    const relocation = move.takesField ? own.find(isField) : undefined;
    if (relocation) {
      const target = findTarget(this.parts, this.part.section, relocation);
      if (target.kind === 'part') values.add(target.part);
    }
    for (const source of move.sources) for (const one of this.held(source)) values.add(one);
    return values;
  }

  private held(slot: Slot): ReadonlySet<Handed> {
    return this.state.get(slot) ?? NOTHING;
  }

  private put(slot: Slot, value: ReadonlySet<Handed>): void {
    if (value.size > 0) this.state.set(slot, value);
    else this.state.delete(slot);
  }

  /** Takes in what a branch brings here. */
  private merge(other: State | undefined): void {
    if (other) this.state = united(this.state, other);
    this.state.set(this.stack, STACK);
  }
}

/** An address that passes through more branches backwards than this is not followed. */
const MOST_ROUNDS = 4;

function united(one: State, other: State): State {
  const result = new Map(one);
  for (const [register, values] of other) {
    result.set(register, new Set([...(result.get(register) ?? NOTHING), ...values]));
  }
  return result;
}
