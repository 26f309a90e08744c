// The differ: from a pre and a post object to the changes, to the parts of the new
// code, and to the changes that are impossible on a running kernel.

import type { ElfObject } from '../elf/object.js';
import type { TableSizes } from '../elf/tables.js';
import { type Changes, findChanges } from './changes.js';
import { checkObjects } from './check-objects.js';
import { Closure } from './closure.js';
import { Comparison, type LineNumbers } from './compare.js';
import { correlate } from './correlate.js';
import { decide } from './decide.js';
import { hooksOf, undoSafe } from './hooks.js';
import { Journal } from './journal.js';
import { coldParent } from './names.js';
import type { IsNewcomer } from './newcomers.js';
import type { ChangedNames, ObjectDiff } from './object-diff.js';
import { remarksOnKpatch } from './other-tools.js';
import { type Part, Parts } from './parts.js';
import { bootSetter, newVariables } from './set-at-boot.js';
import { SpecialTables } from './special.js';

/**
 * Compares two objects that were compiled with -ffunction-sections
 * -fdata-sections from the source before and after a patch.
 *
 * @param name the object, for messages: "net/sctp/input.o"
 * @param tables the layout of the special tables in this kernel
 * @param isNewcomer which symbols of the pre object an update below has added
 * @param lines `ignored` if the source was not prepared: they have moved
 * @throws KspliceError `bad-elf` or `unsupported-object`; what the patch does is
 *   never an exception but a verdict
 */
export function diffObjects(
  pre: ElfObject,
  post: ElfObject,
  name: string,
  tables: TableSizes,
  isNewcomer: IsNewcomer = () => false,
  lines: LineNumbers = 'compared',
): ObjectDiff {
  checkObjects(pre, post);
  const journal = new Journal();
  const left = { parts: new Parts(pre), tables: new SpecialTables(pre, tables) };
  const right = { parts: new Parts(post), tables: new SpecialTables(post, tables) };

  const correlation = correlate(left.parts, right.parts, journal);
  // From here on every part of both sides is paired for good, new, or gone.
  const comparison = new Comparison(left, right, correlation, journal, lines);
  const changes = findChanges(comparison, journal, isNewcomer);
  // Every function that differs is now known, so calls and addresses can be told apart.
  const closure = new Closure(left, right, correlation, changes, journal);
  const { refusals, notes } = decide(comparison, changes, closure, name);
  for (const refusal of refusals) {
    journal.note(refusal.symbol, `refused (${refusal.code}): ${refusal.message}`);
  }
  const replaced = replacedFunctions(changes);
  return {
    verdict: refusals.length > 0 ? 'refused' : closure.kept.size > 0 ? 'changed' : 'unchanged',
    functions: names(
      replaced.map((entry) => entry.name),
      changes,
      (part) => part.isFunction && coldParent(part.symbol.name) === undefined,
    ),
    data: names(
      [...changes.data.values()].filter((part) => !part.isFunction).map((part) => part.symbol.name),
      changes,
      (part) => !part.isFunction,
    ),
    refusals,
    notes: [
      ...notes,
      ...notesOnLines(comparison.movedLines),
      ...remarksOnKpatch(right.parts, new Set(replaced.map(({ name }) => name))),
    ],
    pre,
    post,
    replaced,
    written: writtenData(changes),
    resized: [...changes.resized].map(([constant, unchanged]) => {
      const pre = correlation.preOf(constant) ?? constant;
      const readers = unchanged.map(({ symbol }) => symbol);
      return { pre: pre.symbol, post: constant.symbol, unchanged: readers };
    }),
    hooks: hooksOf(right.parts).map(({ kind, part }) => ({ kind, symbol: part.symbol })),
    undoSafe: undoSafe(right.parts).map(({ symbol }) => symbol.name),
    fresh: newVariables(comparison, closure),
    bootSetter: (variable) => bootSetter(comparison, variable),
    kept: closure.kept,
    entries: closure.entries(),
    twins: closure.twins,
    live: (section) => closure.liveIn(section),
    relocations: (section) => closure.relocations(section),
    origin: (symbol) => {
      const anchor = right.parts.anchor(symbol);
      return anchor.kind === 'part' ? closure.runningTwin(anchor.part)?.symbol : undefined;
    },
    explain: (symbol) => journal.about(symbol),
  };
}

function notesOnLines(functions: ReadonlySet<Part>): string[] {
  if (functions.size === 0) return [];
  const list = [...functions].map(({ symbol }) => symbol.name).join(', ');
  return [`only numbers of lines differ in ${list}`];
}

function replacedFunctions(changes: Changes): ObjectDiff['replaced'] {
  return [...changes.functions]
    .filter(([, post]) => coldParent(post.symbol.name) === undefined)
    .map(([pre, post]) => ({ name: post.symbol.name, pre: pre.symbol, post: post.symbol }));
}

function writtenData(changes: Changes): ObjectDiff['written'] {
  return [...changes.data]
    .filter(([, post]) => changes.fates.get(post) === 'written')
    .map(([pre, post]) => ({ name: post.symbol.name, pre: pre.symbol, post: post.symbol }));
}

function names(
  changed: readonly string[],
  changes: Changes,
  wanted: (part: Part) => boolean,
): ChangedNames {
  const list = (parts: readonly Part[]) => parts.filter(wanted).map((part) => part.symbol.name);
  return { changed, added: list(changes.added), removed: list(changes.removed) };
}
