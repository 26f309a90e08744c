// Line numbers in code: `__LINE__` that a function passes to another one behind the name of the file
// or of the function, as checks of a file system and reports of errors do. `create` compiles both
// states with the same numbers; objects that somebody else compiled have moved ones.

import { machine } from '../arch/index.js';
import type { Step } from '../arch/machine.js';
import { type Hole, relocationsIn } from './extents.js';
import type { Part, Parts } from './parts.js';
import { findTarget } from './targets.js';

const { parameters } = machine.code.registers;
/** Width in bytes of a number that is passed. */
const WIDTH = 4;
/** No file is longer. */
const MOST_LINES = 100_000;
const FILE_NAME = /^[\w./+-]+\.[chS]$/;
const LONGEST_NAME = 256;

/** Where a function passes line numbers; offsets are from its start. */
export function lineNumbers(parts: Parts, part: Part): Hole[] {
  if (!part.isFunction) return [];
  const relocations = new Map(
    relocationsIn(parts.object, part).map((relocation) => [relocation.offset, relocation]),
  );
  /** What has been put into the parameter of that number, since the last call. */
  const passed = new Map<number, 'name' | { readonly field: number }>();
  const found: Hole[] = [];
  const steps = machine.code.stepsOf(part.section);
  for (let at = part.start; at < part.end; ) {
    const step = steps.get(at);
    if (!step) break;
    at = step.end;
    if (step.flow === 'call' || step.flow === 'jump') {
      for (const [index, what] of passed) {
        if (what !== 'name' && passed.get(index - 1) === 'name') {
          found.push({ offset: what.field - part.start, length: WIDTH });
        }
      }
      passed.clear();
    }
    const index = parameters.indexOf(step.written);
    if (index < 0) continue;
    passed.delete(index);
    const fields = [step.displacement, step.immediate].filter((field) => field !== undefined);
    const relocation = fields.map((field) => relocations.get(field)).find(Boolean);
    if (relocation) {
      if (isName(parts, part, findTarget(parts, part.section, relocation)))
        passed.set(index, 'name');
    } else if (isNumber(part, step)) passed.set(index, { field: step.immediate! });
  }
  return found;
}

/** Whether an instruction does nothing but put a number into a register. */
function isNumber({ section }: Part, step: Step): boolean {
  const { immediate, read, address, loads, end } = step;
  if (immediate === undefined || end - immediate !== WIDTH) return false;
  if (read !== 0 || address !== 0 || loads) return false;
  const value = section.data.readUInt32LE(immediate);
  return value > 0 && value < MOST_LINES;
}

/** Whether the target is the name of a source file, or of the function itself. */
function isName(parts: Parts, part: Part, target: ReturnType<typeof findTarget>): boolean {
  if (target.kind === 'external') return false;
  const isPart = target.kind === 'part';
  const section = isPart ? target.part.section : target.section;
  if (parts.roles[section.index] === 'code') return false;
  const start = isPart ? target.part.start : target.offset;
  const end = section.data.indexOf(0, start);
  if (end < 0 || end - start > LONGEST_NAME) return false;
  const text = section.data.toString('latin1', start, end);
  return text === part.symbol.name || FILE_NAME.test(text);
}
