// The differences of all objects together: what is refused, what changed, and
// for which targets.

import { readFileSync } from 'node:fs';
import { machine } from '../../arch/index.js';
import { KspliceError, type Refusal, refusedChange } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { findOutgrown } from '../../dangling/resized.js';
import { withGccSections } from '../../diff/clang.js';
import { Homes } from '../../diff/homes.js';
import { diffObjects } from '../../diff/index.js';
import type { ObjectDiff } from '../../diff/object-diff.js';
import { ElfObject, type ElfSymbol } from '../../elf/object.js';
import type { TableSizes } from '../../elf/tables.js';
import { layoutNotes, layoutRefusals } from '../../layout/describe.js';
import {
  judgeLayout,
  type LayoutChange,
  type Sources,
  type TypedObject,
} from '../../layout/guard.js';
import type { Update } from '../../update/update.js';
import { refuseInitcalls } from '../objects/new-objects.js';
import type {
  AllHomes,
  ChangedObjectFile,
  ChangedTarget,
  Comparing,
  CompiledObject,
  Layout,
} from '../values.js';
import { checkBases } from './base-objects.js';
import { type ComparedObject, movedSymbols } from './moved.js';
import { setElsewhere } from './set-elsewhere.js';

export interface Differences {
  readonly targets: readonly ChangedTarget[];
  readonly homes: AllHomes;
  /** What the differ had to remark, by object. */
  readonly notes: readonly string[];
  readonly layout: Layout;
}

export interface LayoutOptions {
  readonly comparing: Comparing;
  /** Types whose change the author allows. */
  readonly allowed: readonly string[];
  /** The text of an object. Without it no type is taken for one that is on stacks only. */
  readonly sources?: (object: CompiledObject) => Sources;
}

/**
 * @param bases the updates below, which the objects were compiled with as well
 * @param types `compared` if the objects have type information
 * @throws KspliceError `refused-change` with every refusal of every object,
 *   `no-changes` if no running code changes
 */
export function findDifferences(
  objects: readonly CompiledObject[],
  tables: TableSizes,
  ui: Ui,
  bases: readonly Update[] = [],
  types: LayoutOptions = { comparing: 'not possible', allowed: [] },
): Differences {
  const notes: string[] = [];
  const refusals: Refusal[] = [];
  const typed: TypedObject[] = [];
  const targets = new Map<string, ChangedObjectFile[]>();
  const allHomes = new Map<string, Map<string, Homes>>();
  const compared: ComparedObject[] = [];
  objects.forEach((object, index) => {
    ui.progress(index, objects.length, object.name);
    const homes = homesOf(object, tables);
    checkBases(object, homes, bases);
    for (const owner of object.owners) {
      allHomes.set(owner, (allHomes.get(owner) ?? new Map()).set(object.name, homes));
    }
    const running = homes.steps.at(-1)?.post ?? homes.booted;
    const isNewcomer = (symbol: ElfSymbol) => homes.of(symbol).kind === 'update';
    const diff = diffObjects(running, readForDiff(object.post), object.name, tables, isNewcomer);
    notes.push(...diff.notes.map((note) => `${object.name}: ${note}`));
    refusals.push(...diff.refusals, ...outgrown(diff, object.name));
    const replaced = new Set(diff.replaced.map(({ pre }) => pre.name));
    const isModule = object.owners.some((owner) => owner !== 'vmlinux');
    const text = types.sources ? { sources: types.sources(object) } : {};
    const { post, twins } = diff;
    typed.push({ name: object.name, pre: running, post, replaced, twins, isModule, ...text });
    if (object.isNew) refusals.push(...refuseInitcalls(diff, object.name));
    compared.push({ name: object.name, owners: object.owners, diff });
    if (diff.verdict !== 'changed') return;
    const stacked = bases.length > 0 ? { homes } : {};
    const changed = { label: object.name, diff, plain: read(object.plain), ...stacked };
    for (const owner of object.owners) {
      targets.set(owner, [...(targets.get(owner) ?? []), changed]);
    }
  });
  refusals.push(...movedSymbols(compared), ...setElsewhere(compared, refusals));
  const isCompared = types.comparing === 'compared';
  const layout = isCompared ? judgeLayout(typed, types.allowed) : [];
  // Where no code changes nobody takes anything for something else.
  if (targets.size > 0) {
    refusals.push(...layoutRefusals(layout));
    notes.push(...layoutNotes(layout));
  }
  if (refusals.length > 0) throw refusedChange(refusals.map(withPlace));
  if (targets.size === 0) throw nothing(notes);
  const idle = newAndUnused([...targets.values()].flat());
  if (idle) throw nothing([...notes, idle]);
  checkAllowed(layout, types.allowed);
  for (const note of notes) ui.info(note);
  return {
    targets: [...targets].map(([target, objects]) => ({ target, objects })),
    homes: allHomes,
    notes,
    layout: { comparing: types.comparing, changes: layout },
  };
}

/** @throws KspliceError `usage` if a type is allowed to change that does not */
function checkAllowed(layout: readonly LayoutChange[], allowed: readonly string[]): void {
  const changed = layout.filter(({ verdict }) => verdict === 'allowed').map(({ name }) => name);
  const idle = allowed.filter((name) => !changed.includes(name));
  if (idle.length === 0) return;
  throw new KspliceError('usage', `--allow-layout is not needed for ${idle.join(', ')}`, {
    advice: 'Leave the option out: the type does not change, or the existing objects fit it.',
  });
}

function outgrown(diff: ObjectDiff, object: string): Refusal[] {
  return findOutgrown(diff).map(({ constant, by, how }) => ({
    code: 'data-resized',
    object,
    symbol: constant.post.name,
    message: `its size changed from ${constant.pre.size} to ${constant.post.size} bytes, and ${by}() ${how} its address as before: who reads it there may know the other size`,
    advice: 'Leave it as it is, and add a new one beside it for the new code.',
  }));
}

/** From the object as it was booted through the updates below. */
function homesOf({ sectioned, below = [], name }: CompiledObject, tables: TableSizes): Homes {
  const booted = readForDiff(sectioned);
  const steps: ObjectDiff[] = [];
  for (const file of below) {
    const so = new Homes(booted, steps.slice());
    const before = steps.at(-1)?.post ?? booted;
    const isNewcomer = (symbol: ElfSymbol) => so.of(symbol).kind === 'update';
    steps.push(diffObjects(before, readForDiff(file), name, tables, isNewcomer));
  }
  return new Homes(booted, steps);
}

function read(file: string): ElfObject {
  return new ElfObject(readFileSync(file), file);
}

/** What may become new code, and what that is compared with. */
function readForDiff(file: string): ElfObject {
  return machine.sites.withoutRuntimeConstants(withGccSections(read(file)));
}

/** New code that no function is replaced to call, and no hook calls, would never run. */
function newAndUnused(changed: readonly ChangedObjectFile[]): string | undefined {
  const acts = changed.some(
    ({ diff }) => diff.replaced.length + diff.written.length + diff.hooks.length > 0,
  );
  if (acts) return undefined;
  const names = changed.flatMap(({ diff }) => [...diff.functions.added, ...diff.data.added]);
  return `${names.join(', ')}: new, and no running code leads there`;
}

/** The differ speaks of one object and symbol, and says elsewhere of which. */
function withPlace(refusal: Refusal): Refusal {
  const { object, symbol, message } = refusal;
  return { ...refusal, message: `${object}: ${symbol ? `${symbol}: ` : ''}${message}` };
}

function nothing(notes: readonly string[]): KspliceError {
  return new KspliceError('no-changes', 'No changes detected', {
    advice:
      notes.length > 0
        ? notes.join('; ')
        : 'The compiler makes the same code of the patched source as of the unpatched.',
    details: { notes },
  });
}
