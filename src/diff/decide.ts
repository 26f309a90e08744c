// The meaning of a difference for a running kernel: refusals, with advice, and
// notes on changes without effect. All of an object's problems are reported
// together.

import type { Refusal } from '../base/errors.js';
import type { Section } from '../elf/object.js';
import { type MovedAlias, movedAliases } from './aliases.js';
import { changedSections } from './bare.js';
import type { Changes } from './changes.js';
import type { BadReference, Closure } from './closure.js';
import { whyCollected } from './collected.js';
import type { Comparison } from './compare.js';
import { findCopies, writtenNote } from './copies.js';
import { isNumbered, isState } from './correlation.js';
import { whyNotInModule } from './data-kinds.js';
import { hooksOf, partsUsedBy } from './hooks.js';
import { newlyListed } from './kprobe-list.js';
import { leftBehind } from './left-behind.js';
import { lostValues } from './lost-values.js';
import { functionName } from './names.js';
import type { OtherKind } from './other-kinds.js';
import { changedOwners } from './owners.js';
import type { Part } from './parts.js';
import { isRenamed } from './renamed.js';
import { neverSetUp } from './set-at-boot.js';
import { isDeviceTable, noEffect, sideNotes } from './side-notes.js';

/** The decisions about one pair of objects. */
export interface Decisions {
  readonly refusals: readonly Refusal[];
  readonly notes: readonly string[];
}

/** Decides about everything that is not simply a changed function. */
export function decide(
  comparison: Comparison,
  changes: Changes,
  closure: Closure,
  object: string,
): Decisions {
  const refusals: Refusal[] = [];
  const notes: string[] = [];
  const { parts } = comparison.post;
  const left = partsUsedBy(parts, hooksOf(parts));
  const written = [...changes.data].filter(([, post]) => changes.fates.get(post) === 'written');
  const copies = findCopies(comparison.pre.parts, new Set(written.map(([pre]) => pre)));
  for (const [pre, post] of changes.data) {
    const fate = changes.fates.get(post);
    if (fate === 'written') {
      const known = copies.get(pre) ?? [];
      notes.push(writtenNote(post.symbol.name, known, leadsToNew(closure, post)));
    }
    if (fate !== 'refused') continue;
    const refusal = changedData(comparison, pre, post, object);
    // Who names a variable in a hook knows that the running kernel has a value of its own.
    if (refusal.code !== 'data-changed' || !left.has(post)) refusals.push(refusal);
    else notes.push(`the initial value of ${post.symbol.name} changed: left to the hook`);
  }
  notes.push(...renamedFunctions(changes), ...namelessPairs(comparison, closure));
  for (const other of changes.otherKinds) {
    if (other.isNew) notes.push(newOfOtherKind(other));
    else refusals.push(otherKind(other, object));
  }
  refusals.push(...changedOwners(comparison, written, left, object));
  refusals.push(...neverSetUp(comparison, closure, left, object));
  refusals.push(...movedAliases(comparison).map((alias) => movedAlias(alias, object)));
  const seen = new Set<Section | Part>();
  for (const bad of closure.bad) {
    if (seen.has(bad.part ?? bad.section)) continue;
    seen.add(bad.part ?? bad.section);
    refusals.push(badReference(bad, object));
  }
  const { refused, noted } = leftBehind(comparison);
  for (const part of refused) {
    if (!seen.has(part)) refusals.push(newInList(part, part.section, object));
  }
  for (const part of noted) {
    if (!seen.has(part))
      notes.push(
        `${part.symbol.name} is new in ${part.section.name}, and does not go into the new code`,
      );
  }
  for (const { name, role } of changedSections(comparison)) {
    if (role === 'code') refusals.push(changedBareCode(name, object));
    else if (role === 'unknown') refusals.push(changedUnknown(name, object));
    else if (role === 'module-info') notes.push(`${name} changed: no effect on what is loaded`);
    else if (role === 'export') notes.push(`${name}: exports changed; other modules do not see it`);
    else if (role === 'init') notes.push(`${name} ${noEffect(name)}`);
  }
  for (const { symbol } of changes.known) {
    refusals.push({
      code: 'added-below',
      object,
      symbol: symbol.name,
      message: `${symbol.name}, which an update below added, changed, and other code than the calls in this file may lead to it`,
      advice: 'Give the changed function another name, and call it by that name.',
    });
  }
  for (const name of newlyListed(comparison.pre.parts.object, parts.object)) {
    notes.push(
      `NOKPROBE_SYMBOL(${name}) is new: the running kernel still allows kprobes in the old ${name}`,
    );
  }
  for (const part of changes.init) {
    notes.push(`${functionName(part)} (${part.section.name}) ${noEffect(part.section.name)}`);
  }
  notes.push(...sideNotes(comparison, changes), ...lostValues(comparison));
  return { refusals, notes: [...new Set(notes)] };
}

/** Whether a table's new content has addresses of what goes into the new code. */
function leadsToNew(closure: Closure, { section, start, end }: Part): boolean {
  return closure
    .relocations(section)
    .some(({ to, offset }) => to === 'kept' && offset >= start && offset < end);
}

function changedData(comparison: Comparison, pre: Part, post: Part, object: string): Refusal {
  const symbol = post.symbol.name;
  const difference = comparison.difference(pre, post) ?? `moved to ${post.section.name}`;
  if (post.role === 'unknown') return changedUnknown(post.section.name, object, post);
  if (pre.isFunction || post.isFunction || pre.role !== post.role) {
    return {
      code: 'function-moved',
      object,
      symbol,
      message: `${symbol} moved from ${pre.section.name} to ${post.section.name}`,
      advice: 'Leave it in its section: one of the two sections is freed after boot.',
    };
  }
  if (pre.end - pre.start !== post.end - post.start) {
    return {
      code: 'data-resized',
      object,
      symbol,
      message: `the size of ${symbol} changed from ${pre.end - pre.start} to ${post.end - post.start} bytes`,
      advice: isDeviceTable(post)
        ? 'Announce new devices to the running driver: through new_id in its directory below /sys/bus, if its bus has this file.'
        : 'Existing code and data use the old variable: add a new one beside it, or use shadow variables.',
    };
  }
  return {
    code: 'data-changed',
    object,
    symbol,
    message: `the initial value of ${symbol} changed (${difference}); the running kernel has its own value`,
    advice: 'Set the new value from a hook when the update is applied: see docs/hooks.md.',
  };
}

/** Variables that new code uses, and that were not found by their plain names. */
function namelessPairs({ correlation, post }: Comparison, closure: Closure): string[] {
  const found = [...closure.twins].flatMap(([symbol, twin]) => {
    const anchor = post.parts.anchor(symbol);
    if (anchor.kind !== 'part' || !isState(anchor.part)) return [];
    if (!isNumbered(anchor.part) && symbol.name === twin.name) return [];
    const rule = correlation.ruleOf(anchor.part);
    return [`${symbol.name} is the running kernel's ${twin.name}: ${rule}`];
  });
  return found.sort();
}

function renamedFunctions({ functions }: Changes): string[] {
  const renamed = [...functions].filter(([pre, post]) => isRenamed(pre, post));
  return renamed.map(([pre, post]) => {
    const [was, is] = [pre.symbol.name, post.symbol.name];
    return `${is} is the function that was called ${was}, because it stands in the same places`;
  });
}

function newOfOtherKind({ post, was, is }: OtherKind): string {
  const lost = was === 'read-only' ? '' : ', and the value of the running variable is lost';
  return `${post.symbol.name} was ${was} and is ${is} now: new code has a variable of its own${lost}`;
}

function otherKind({ post, was, is }: OtherKind, object: string): Refusal {
  const symbol = post.symbol.name;
  return {
    code: 'data-kind',
    object,
    symbol,
    message: `${symbol} was ${was} and is ${is} now; the running kernel's ${symbol} stays as it is`,
    advice:
      'Leave the variable as it was. If a new variable may begin with its initial value, give it another name.',
  };
}

function movedAlias({ name, was, is }: MovedAlias, object: string): Refusal {
  const to = is === name ? 'has code of its own now' : `is a name of ${is} now`;
  return {
    code: 'alias-moved',
    object,
    symbol: name,
    message: `${name} ${was === name ? 'had code of its own' : `was a name of ${was}`} and ${to}; callers in other objects still reach the old one`,
    advice: 'Leave the name where it was, and change the function or variable to which it leads.',
  };
}

function changedBareCode(section: string, object: string): Refusal {
  return {
    code: 'code-without-symbol',
    object,
    symbol: section,
    message: `code in ${section} that belongs to no function changed`,
    advice: 'Give the code a function symbol (SYM_FUNC_START), or leave it unchanged.',
  };
}

function changedUnknown(section: string, object: string, part?: Part): Refusal {
  const symbol = part ? `${section} (${part.symbol.name})` : section;
  const known = whyCollected({ name: section });
  return {
    code: known ? 'collected-section' : 'unknown-section',
    object,
    symbol,
    message: known
      ? `${symbol} changed; ${known}`
      : `${symbol} changed, and ksplice-ts does not know how the kernel uses that section`,
    advice: known
      ? 'Leave the entries of that section unchanged, or register the new ones from a hook.'
      : 'Leave the content of that section unchanged.',
  };
}

/** An entry of a list that new code refers to, or that points at something itself. */
function newInList(part: Part | undefined, section: Section, object: string): Refusal {
  const symbol = part?.symbol.name ?? section.name;
  const known = whyCollected(section);
  return {
    code: known ? 'collected-section' : 'unknown-section',
    object,
    symbol,
    message: `${symbol} is new in ${section.name}${known ? `; ${known}` : ', a section that is not known'}`,
    advice: 'Do not use the macro that puts it there.',
  };
}

function badReference(bad: BadReference, object: string): Refusal {
  const symbol = bad.part?.symbol.name ?? bad.section.name;
  switch (bad.why) {
    case 'init':
      return {
        code: 'init-referenced',
        object,
        symbol,
        message: `changed code refers to ${symbol} in ${bad.section.name}, which is freed after boot`,
        advice: 'Do not change a function that uses boot-time code or data.',
      };
    case 'unknown-section':
      return newInList(bad.part, bad.section, object);
    case 'not-in-module':
      return {
        code: 'collected-section',
        object,
        symbol,
        message: `changed code needs ${symbol}, new in ${bad.section.name}; ${whyNotInModule(bad.section)}`,
        advice: 'Use an ordinary variable.',
      };
    case 'anonymous-data':
      return {
        code: 'anonymous-data',
        object,
        symbol,
        message: `changed code uses writable data in ${symbol} that has no symbol`,
        advice:
          'Give the data a symbol with type and size (SYM_DATA), or leave the code unchanged.',
      };
    case 'ambiguous-static':
      return {
        code: 'ambiguous-static',
        object,
        symbol,
        ...(bad.part?.member === undefined
          ? {
              message: `the objects do not show whether ${symbol} is one of the old static locals of that name, or which one`,
              advice: 'Rename new static locals, so that each name occurs once in the file.',
            }
          : {
              message: `changed code uses a member of a static struct (clang calls it ${symbol}) that the running code does not use, and does not have`,
              advice: 'Keep the new state in a variable of its own.',
            }),
      };
  }
}
