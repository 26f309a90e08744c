// Follows an address through the instructions of new code, from the one that takes it, on all
// paths, until it is forgotten or has gone where this cannot be seen.

import { machine } from '../arch/index.js';
import type { Registers, Step } from '../arch/machine.js';
import type { Relocation, Section } from '../elf/object.js';
import { forgets } from './forgetting.js';
import type { Destination, Thing, Things } from './things.js';

const { registers } = machine.code;

/** The address of a thing, or a pointer that was read from it. */
type What = 'address' | 'content';

/** Where it goes. */
export type Fate = { readonly what: What } & (
  | { readonly how: 'passed'; readonly to: string }
  /** Into memory, which may be on the stack. */
  | { readonly how: 'stored' }
  | { readonly how: 'returned' }
  /** Into a variable of the new code. */
  | { readonly how: 'kept'; readonly in: Thing }
);

/** A place where new code takes the address of something, or reads what that holds. */
export interface Origin {
  readonly thing: Thing;
  readonly from: Thing | undefined;
  readonly fates: readonly Fate[];
}

/** What registers hold before an instruction. */
interface State {
  readonly section: Section;
  readonly offset: number;
  readonly address: Registers;
  readonly content: Registers;
}

export class Follower {
  private readonly decoded = new Map<Section, ReadonlyMap<number, Step>>();

  constructor(private readonly things: Things) {}

  /** Everything that the code of a section takes the address of, or reads. */
  originsIn(section: Section): Origin[] {
    return [...this.steps(section).values()].flatMap((step) => this.originsAt(section, step));
  }

  private steps(section: Section): ReadonlyMap<number, Step> {
    let steps = this.decoded.get(section);
    if (!steps) {
      steps = machine.code.stepsOf(section);
      this.decoded.set(section, steps);
    }
    return steps;
  }

  private originsAt(section: Section, step: Step): Origin[] {
    const from = this.things.at(section, step.start);
    const origins: Origin[] = [];
    const add = (thing: Thing, fates: readonly Fate[]) => {
      if (fates.length > 0) origins.push({ thing, from, fates });
    };
    if (step.flow !== 'next') return origins;
    const value = this.inside(section, step, step.immediate);
    if (value) {
      const stored = step.stores ? this.storeAt(section, step, value, 'address') : [];
      const held = step.passesOn && !step.stores ? step.written : 0;
      add(value, [...stored, ...this.follow(value, behind(section, step, held, 0))]);
    }
    const operand = this.inside(section, step, step.displacement);
    if (operand) {
      const address = step.isLea ? step.written : 0;
      const content = step.loads ? step.written : 0;
      add(operand, this.follow(operand, behind(section, step, address, content)));
    }
    return origins;
  }

  /** What of the new code a field of an instruction leads to. */
  private inside(section: Section, step: Step, field: number | undefined): Thing | undefined {
    const destination = this.destination(section, step, field);
    return destination && 'thing' in destination ? destination.thing : undefined;
  }

  private destination(
    section: Section,
    step: Step,
    field: number | undefined,
  ): Destination | undefined {
    const relocation = this.things.relocation(section, field);
    return relocation && this.things.destination(relocation, step.end);
  }

  private follow(thing: Thing, begin: State): Fate[] {
    const fates = new Map<string, Fate>();
    const seen = new Set<string>();
    const queue = [begin];
    for (let state = queue.pop(); state; state = queue.pop()) {
      const { section, offset, address, content } = state;
      const key = `${section.index} ${offset} ${address} ${content}`;
      const step = this.steps(section).get(offset);
      if (!step || (address | content) === 0 || seen.has(key)) continue;
      seen.add(key);
      for (const fate of this.fatesAt(thing, state, step)) {
        const where = fate.how === 'kept' ? fate.in.name : fate.how === 'passed' ? fate.to : '';
        fates.set(`${fate.what} ${fate.how} ${where}`, fate);
      }
      queue.push(...this.next(state, step));
      for (const there of this.things.hiddenWays(section, offset)) {
        queue.push({
          ...state,
          section: there.thing.section,
          offset: there.thing.start + there.offset,
        });
      }
    }
    return [...fates.values()];
  }

  private fatesAt(thing: Thing, state: State, step: Step): Fate[] {
    return (['address', 'content'] as const).flatMap((what) =>
      this.fatesOf(thing, what, state[what], state.section, step),
    );
  }

  private fatesOf(thing: Thing, what: What, held: Registers, section: Section, step: Step): Fate[] {
    if (step.flow === 'next') {
      if (step.copies) return held & registers.source ? [{ what: 'content', how: 'stored' }] : [];
      return step.stores && step.read & held ? this.storeAt(section, step, thing, what) : [];
    }
    const returned: Fate[] = held & registers.result ? [{ what, how: 'returned' }] : [];
    if (step.flow === 'return') return returned;
    if (step.flow !== 'call' && step.flow !== 'jump') return [];
    const callee = this.callee(section, step);
    if (callee === undefined || 'thing' in callee) return [];
    if (callee.outside === machine.code.returnThunk) return returned;
    if (held & copiedBy(callee.outside)) {
      return [{ what: 'content', how: 'passed', to: callee.outside }];
    }
    if (!(held & registers.arguments) || forgets(callee.outside, thing.kind === 'literal'))
      return [];
    return [{ what, how: 'passed', to: callee.outside }];
  }

  private storeAt(section: Section, step: Step, thing: Thing, what: What): Fate[] {
    const into = this.inside(section, step, step.displacement);
    if (into) return [{ what, how: 'kept', in: into }];
    // Text in a structure of the function's own is there to be printed.
    return step.isFrame && thing.kind === 'literal' ? [] : [{ what, how: 'stored' }];
  }

  private next(state: State, step: Step): State[] {
    const { section } = state;
    const on = { ...transfer(state, step), section };
    switch (step.flow) {
      case 'return':
      case 'stop':
        return [];
      case 'next':
        return [{ ...on, offset: step.end }];
      case 'branch':
        return [{ ...on, offset: step.end }, ...this.there(on, step)];
      case 'jump':
        return this.there(on, step);
      case 'call':
        return [
          { ...this.afterCall(state, step), offset: step.end },
          ...this.there(restrict(state, registers.arguments), step),
        ];
    }
  }

  private afterCall(state: State, step: Step): State {
    const callee = this.callee(state.section, step);
    const name = callee && 'outside' in callee ? callee.outside : '';
    // Neither follows the rules for calls.
    if (name === '__fentry__') return state;
    return restrict(state, name === 'pv_ops' ? ~registers.result : ~registers.clobbered);
  }

  /** Where a branch or call goes on in the new code, if it does. */
  private there(state: State, step: Step): State[] {
    const callee = this.callee(state.section, step);
    if (!callee || 'outside' in callee) return [];
    return [
      { ...state, section: callee.thing.section, offset: callee.thing.start + callee.offset },
    ];
  }

  /** Who is called, or jumped to. Of a pointer in memory it is the name of what that is in. */
  private callee(section: Section, step: Step): Destination | undefined {
    if (step.isIndirect) {
      const place = this.destination(section, step, step.displacement);
      if (place && 'outside' in place) return place;
      return { outside: POINTER };
    }
    const field = step.end - 4;
    const relocation: Relocation | undefined = this.things.relocation(section, field);
    if (relocation) {
      const there = this.things.destination(relocation, step.end);
      if (there && 'outside' in there && machine.code.isIndirectThunk(there.outside)) {
        return { outside: POINTER };
      }
      return there;
    }
    const thing = this.things.at(section, step.target);
    return thing && { thing, offset: step.target - thing.start };
  }
}

/** For messages. */
const POINTER = 'a function that a pointer leads to';

function behind(section: Section, step: Step, address: Registers, content: Registers): State {
  return { section, offset: step.end, address, content };
}

/** In which register a function gets the address of what it copies. */
function copiedBy(name: string): Registers {
  if (/^(__)?mem(cpy|move)\w*$/.test(name)) return registers.second;
  return /^kmemdup\w*$/.test(name) ? registers.first : 0;
}

function restrict(state: State, to: Registers): State {
  return { ...state, address: state.address & to, content: state.content & to };
}

/** What registers hold behind an instruction that goes on. */
function transfer({ address, content, offset }: State, step: Step) {
  const lost = ~step.written;
  let [a, c] = [address & lost, content & lost];
  if (step.passesOn) {
    if ((step.read & address) !== 0) a |= step.written;
    if ((step.read & content) !== 0) c |= step.written;
    // Through an address comes content; what content leads to is content as well.
    if (step.loads && (step.address & (address | content)) !== 0) c |= step.written;
  }
  return { offset, address: a, content: c };
}
