// New variables that a function sets up which runs at boot, or when a module is loaded:
// `static struct workqueue_struct *wq;` and `wq = alloc_workqueue(...)` in an initcall. That has
// run already, without the variable. New code would find zeros: no queue, a lock or a work
// item that nobody has initialised.

import { machine } from '../arch/index.js';
import type { Refusal } from '../base/errors.js';
import { users } from './changed-constants.js';
import type { Closure } from './closure.js';
import type { Comparison } from './compare.js';
import { isState } from './correlation.js';
import { contents, relocationsIn } from './extents.js';
import { hooksOf, partsUsedBy } from './hooks.js';
import { functionName } from './names.js';
import type { NewVariable } from './object-diff.js';
import type { Part } from './parts.js';
import type { Side } from './side.js';
import { findTarget } from './targets.js';

/** Who gets the address and sets nothing up: locks, which are used as they are, and the compiler's checks. */
const USES =
  /^(_raw_(spin|read|write)_(try|un)?lock|(mutex|down|up|rt_mutex)_|__(asan|kasan|kcsan|tsan)_)/;

/** @param left variables that hooks of the patch set up */
export function neverSetUp(
  comparison: Comparison,
  closure: Closure,
  left: ReadonlySet<Part>,
  object: string,
): Refusal[] {
  const { post } = comparison;
  return freshOnes(comparison, closure).flatMap(([variable, all]) => {
    const isRead = all.some((user) => user.role === 'code' && isUsed(closure, user));
    const by = all.find((user) => runsOnce(user) && setsUp(post, user, variable));
    if (!isRead || !by || left.has(variable)) return [];
    return [setAtBoot(variable.symbol.name, functionName(by), object)];
  });
}

/** Those that hooks do not set up, for a look at all objects of a target. */
export function newVariables(comparison: Comparison, closure: Closure): NewVariable[] {
  const { correlation, post } = comparison;
  const left = partsUsedBy(post.parts, hooksOf(post.parts));
  const isNew = (user: Part) => user.role === 'code' && !correlation.preOf(user);
  return freshOnes(comparison, closure)
    .filter(([variable]) => !left.has(variable))
    .map(([variable, all]) => {
      const setters = all.filter((user) => isNew(user) && setsUp(post, user, variable));
      return { symbol: variable.symbol, setters: setters.map(({ symbol }) => symbol) };
    });
}

/** The function that sets a variable of another object up at boot. */
export function bootSetter({ post }: Comparison, name: string): string | undefined {
  const by = post.parts.parts.find(
    (part) => part.isFunction && runsOnce(part) && setsUp(post, part, name),
  );
  return by && functionName(by);
}

/** With the functions that refer to each, by name. */
function freshOnes({ correlation, post }: Comparison, closure: Closure): [Part, Part[]][] {
  const fresh = correlation
    .unpaired('post')
    .filter((part) => part.role === 'data' && isState(part) && !part.isFunction)
    .filter((part) => isUsed(closure, part) && isZero(post, part))
    .sort((a, b) => (a.symbol.name < b.symbol.name ? -1 : 1));
  if (fresh.length === 0) return [];
  const known = users(post, new Set(fresh));
  return fresh.map((part) => [
    part,
    [...(known.get(part) ?? [])].filter((user) => user !== 'other' && user.isFunction) as Part[],
  ]);
}

function isUsed(closure: Closure, { section, start }: Part): boolean {
  return closure.liveIn(section).some((live) => start >= live.start && start < live.end);
}

function isZero({ parts }: Side, part: Part): boolean {
  return (
    relocationsIn(parts.object, part).length === 0 && contents(part).every((byte) => byte === 0)
  );
}

/** Whether a function writes a variable, or hands its address to somebody who may. */
function setsUp(side: Side, user: Part, variable: Part | string): boolean {
  if (isParameter(side, user)) return false;
  const { parts } = side;
  const places = relocationsIn(parts.object, user).filter((relocation) => {
    const target = findTarget(parts, user.section, relocation);
    if (target.kind === 'external') return target.name === variable;
    return target.kind === 'part' && target.part === variable;
  });
  if (places.length === 0) return false;
  const steps = [...machine.code.stepsOf(user.section).values()];
  return places.some((relocation) => {
    const at = steps.findIndex(
      ({ start, end }) => start <= relocation.offset && relocation.offset < end,
    );
    const step = steps[at];
    if (!step) return true;
    if (step.displacement === relocation.offset && !step.isLea) return step.stores;
    const call = steps.slice(at).find(({ flow }) => flow === 'call');
    const callee = parts.object
      .relocations(user.section)
      .find(({ offset }) => call !== undefined && offset === call.end - 4);
    return !USES.test(callee?.symbol.name ?? '');
  });
}

/** The init function of a module need not be an __init one. */
function runsOnce({ role, section, names }: Part): boolean {
  if (section.name.startsWith('.exit')) return false;
  return role === 'init' || names.some(({ name }) => name === 'init_module');
}

/** Whether it reads an option of the command line (__setup()): without one nobody would have set the variable. */
function isParameter({ parts }: Side, reader: Part): boolean {
  return parts.object.sections
    .filter(({ name }) => name === '.init.setup')
    .some((table) =>
      parts.object.relocations(table).some((relocation) => {
        const target = findTarget(parts, table, relocation);
        return target.kind === 'part' && target.part === reader;
      }),
    );
}

/** @param by the function that sets it up */
export function setAtBoot(name: string, by: string, object: string): Refusal {
  return {
    code: 'set-at-boot',
    object,
    symbol: name,
    message: `${name} is new, and ${by}() sets it up, which runs only at boot or when the module is loaded: new code would find zeros`,
    advice:
      'Set the variable up where it is used first, or in a hook that runs when the update is applied (docs/hooks.md); or give it its value where it is declared, as DECLARE_WORK() and the like do.',
  };
}
