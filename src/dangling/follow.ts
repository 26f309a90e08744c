// Follows an address through the instructions of new code, from the one that takes it, on all
// paths, until it is forgotten or has gone where this cannot be seen.

import { machine } from '../arch/index.js';
import type { Registers, Step } from '../arch/machine.js';
import type { Relocation, Section } from '../elf/object.js';
import { copySource, forgotten } from './forgetting.js';
import { keptText } from './kept-text.js';
import { ARGUMENTS, CLOBBERED, RESULT, SOURCE } from './registers.js';
import { returnedArgument } from './returning.js';
import { type Destination, type Own, type Thing, type Things, thingsOf } from './things.js';

/** The address of a thing, or a pointer that was read from it. */
type What = 'address' | 'content';

/** Where it goes. */
export type Fate = { readonly what: What } & (
  | { readonly how: 'passed'; readonly to: string }
  /** Into memory, which may be the function's own. */
  | { readonly how: 'stored'; readonly isFrame?: boolean }
  | { readonly how: 'returned' }
  /** Nothing tells: its way goes on where no instruction is known, or through something else than memory. */
  | { readonly how: 'lost' }
  /** Into a variable of the new code. */
  | { readonly how: 'kept'; readonly in: Thing }
);

/** A place where new code takes the address of something, or reads what that holds. */
export interface Origin {
  readonly thing: Thing;
  readonly from: Own | undefined;
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
  constructor(private readonly things: Things) {}

  /** Everything that the code of a section takes the address of, or reads. */
  originsIn(section: Section): Origin[] {
    return [...machine.code.stepsOf(section).values()].flatMap((step) =>
      this.originsAt(section, step),
    );
  }

  /** New code that some of it calls, or goes on in. */
  calledBy({ section, start, end }: Own): Own[] {
    const steps = [...machine.code.stepsOf(section).values()];
    return steps.flatMap((step) => {
      if (step.start < start || step.start >= end || !leads(step)) return [];
      const callee = this.callee(section, step);
      return callee && 'thing' in callee ? [callee.thing] : [];
    });
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
      const stored = step.stores ? this.storeAt(section, step, 'address') : [];
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
    return thingsOf(destination)[0];
  }

  private destination(
    section: Section,
    step: Step,
    field: number | undefined,
  ): Destination | undefined {
    const relocation = this.things.relocation(section, field);
    if (relocation) return this.things.destination(relocation, step.end);
    // The assembler needs none for what is in the same section.
    if (step.near === undefined || field !== step.displacement) return undefined;
    // _THIS_IP_, for messages: the place behind the instruction.
    if (step.near === step.end) return undefined;
    const thing = this.things.at(section, step.near);
    return thing && { thing, offset: step.near - thing.start };
  }

  private follow(thing: Thing, begin: State): Fate[] {
    const fates = new Map<string, Fate>();
    const seen = new Set<string>();
    const queue = [begin];
    for (let state = queue.pop(); state; state = queue.pop()) {
      const { section, offset, address, content } = state;
      const key = `${section.index} ${offset} ${address} ${content}`;
      const step = machine.code.stepsOf(section).get(offset);
      if ((address | content) === 0 || seen.has(key)) continue;
      seen.add(key);
      if (!step) {
        const what = address ? 'address' : 'content';
        fates.set(`${what} lost`, { what, how: 'lost' });
        continue;
      }
      for (const fate of this.fatesAt(thing, state, step)) {
        fates.set(`${fate.what} ${fate.how} ${where(fate)}`, fate);
      }
      queue.push(...this.next(state, step));
      for (const there of this.things.hiddenWays(section, offset)) {
        queue.push({ ...state, ...there });
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
    if (held === 0) return [];
    const lost: Fate[] = [{ what, how: 'lost' }];
    if (step.flow === 'unknown') return lost;
    if (step.flow === 'next') {
      if (step.hides & held) return lost;
      if (step.copies && held & SOURCE) {
        return [{ what: 'content', how: 'stored', isFrame: step.isFrame }];
      }
      if (step.copies) return [];
      return step.stores && step.read & held ? this.storeAt(section, step, what) : [];
    }
    const returned: Fate[] = held & RESULT ? [{ what, how: 'returned' }] : [];
    if (step.flow === 'return') return returned;
    if (step.flow === 'stop') return [];
    const callee = this.callee(section, step);
    // Nobody has anything in these registers when he leaves a function: this is a table of jumps.
    if (step.flow === 'jump' && step.isIndirect && held & ~CLOBBERED) return lost;
    if (!callee) return step.flow === 'call' && !(held & ARGUMENTS) ? [] : lost;
    if ('thing' in callee) return [];
    if (callee.outside === machine.code.returnThunk) return returned;
    return this.outsideFates(thing, what, held, callee.outside, step);
  }

  /** What becomes of it in a function of the kernel, which is called or jumped to. */
  private outsideFates(
    thing: Thing,
    what: What,
    held: Registers,
    to: string,
    { flow }: Step,
  ): Fate[] {
    const fates: Fate[] = [];
    const kept = thing.kind === 'literal' ? keptText(to) : ARGUMENTS & ~forgotten(to);
    if (held & copySource(to)) fates.push({ what: 'content', how: 'passed', to });
    else if (held & kept) fates.push({ what, how: 'passed', to });
    if (flow !== 'call' && held & returnedArgument(to)) fates.push({ what, how: 'returned' });
    return fates;
  }

  private storeAt(section: Section, step: Step, what: What): Fate[] {
    const into = this.destination(section, step, step.displacement);
    // What is in new code elsewhere may be read by others than this new code.
    if (into && 'thing' in into) return [{ what, how: 'kept', in: into.thing }];
    return [{ what, how: 'stored', isFrame: step.isFrame }];
  }

  private next(state: State, step: Step): State[] {
    const { section } = state;
    const on = { ...transfer(state, step), section };
    switch (step.flow) {
      case 'return':
      case 'stop':
      case 'unknown':
        return [];
      case 'next':
        return [{ ...on, offset: step.end }];
      case 'branch':
        return [{ ...on, offset: step.end }, ...this.there(on, step)];
      case 'jump':
        return this.there(on, step);
      case 'call': {
        const inside = this.there(restrict(state, ARGUMENTS), step);
        // At the end of a section is who does not return.
        if (step.end >= section.size) return inside;
        return [{ ...this.afterCall(state, step), offset: step.end }, ...inside];
      }
    }
  }

  private afterCall(state: State, step: Step): State {
    const callee = this.callee(state.section, step);
    const name = callee && 'outside' in callee ? callee.outside : '';
    // Neither follows the rules for calls.
    if (name === '__fentry__') return state;
    const after = restrict(state, name === 'pv_ops' ? ~RESULT : ~CLOBBERED);
    const result = returnedArgument(name);
    return {
      ...after,
      address: after.address | (state.address & result ? RESULT : 0),
      content: after.content | (state.content & result ? RESULT : 0),
    };
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

function where(fate: Fate): string {
  if (fate.how === 'kept') return fate.in.name;
  if (fate.how === 'passed') return fate.to;
  return fate.how === 'stored' && fate.isFrame ? 'frame' : '';
}

function leads({ flow }: Step): boolean {
  return flow === 'call' || flow === 'jump' || flow === 'branch';
}

function behind(section: Section, step: Step, address: Registers, content: Registers): State {
  return { section, offset: step.end, address, content };
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
