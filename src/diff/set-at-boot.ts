// New variables that a function sets up which runs at boot, or when a module is loaded:
// `static struct workqueue_struct *wq;` and `wq = alloc_workqueue(...)` in an initcall. That has
// run already, without the variable. New code would find zeros: no queue, a lock or a work
// item that nobody has initialised.

import { machine } from '../arch/index.js';
import type { Closure } from './closure.js';
import type { Comparison } from './compare.js';
import { type User, users } from './constants.js';
import { isState } from './correlation.js';
import { contents, relocationsIn } from './extents.js';
import { functionName } from './names.js';
import type { Refusal } from './object-diff.js';
import type { Part } from './parts.js';
import type { Side } from './side.js';
import { findTarget } from './targets.js';

/** Who gets the address and sets nothing up: locks, which are used as they are, and the compiler's checks. */
const USES =
  /^(_raw_(spin|read|write)_(try|un)?lock|(mutex|down|up|rt_mutex)_|__(asan|kasan|kcsan|tsan)_)/;

/** @param left variables that hooks of the patch set up */
export function neverSetUp(
  { correlation, post }: Comparison,
  closure: Closure,
  left: ReadonlySet<Part>,
  object: string,
): Refusal[] {
  const fresh = correlation
    .unpaired('post')
    .filter(
      (part) => isState(part) && !part.isFunction && isUsed(closure, part) && isZero(post, part),
    )
    .filter((part) => part.role === 'data' && !left.has(part));
  if (fresh.length === 0) return [];
  const known = users(post, new Set(fresh));
  const byName = fresh.sort((a, b) => (a.symbol.name < b.symbol.name ? -1 : 1));
  return byName.flatMap((variable) => {
    const by = [...(known.get(variable) ?? [])].find((user) => setsUp(post, user, variable));
    return by === undefined || by === 'other' ? [] : [refusal(variable, by, object)];
  });
}

function isUsed(closure: Closure, { section, start }: Part): boolean {
  return closure.liveIn(section).some((live) => start >= live.start && start < live.end);
}

function isZero({ parts }: Side, part: Part): boolean {
  return (
    relocationsIn(parts.object, part).length === 0 && contents(part).every((byte) => byte === 0)
  );
}

/** Whether boot code writes a variable, or hands its address to somebody who may. */
function setsUp(side: Side, user: User, variable: Part): boolean {
  if (user === 'other' || !user.isFunction || !runsOnce(user) || isParameter(side, user))
    return false;
  const { parts } = side;
  const steps = [...machine.code.stepsOf(user.section).values()];
  return relocationsIn(parts.object, user).some((relocation) => {
    const target = findTarget(parts, user.section, relocation);
    if (target.kind !== 'part' || target.part !== variable) return false;
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
function runsOnce({ role, names }: Part): boolean {
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

function refusal(variable: Part, by: Part, object: string): Refusal {
  const { name } = variable.symbol;
  return {
    code: 'set-at-boot',
    object,
    symbol: name,
    message: `${name} is new, and ${functionName(by)}() sets it up, which runs only at boot or when the module is loaded: new code would find zeros`,
    advice:
      'Set the variable up where it is used first, or in a hook that runs when the update is applied (docs/hooks.md); or give it its value where it is declared, as DECLARE_WORK() and the like do.',
  };
}
