// The differences of all objects together: what is refused, what changed, and
// for which targets.

import { readFileSync } from 'node:fs';
import { diffObjects } from '../diff/index.js';
import type { ObjectDiff } from '../diff/types.js';
import { ElfObject } from '../elf/object.js';
import type { TableSizes } from '../elf/tables.js';
import { KspliceError } from '../errors.js';
import type { Ui } from '../ui.js';
import type { CompiledObject } from './post-objects.js';

/** An object whose running code changes. */
export interface ChangedObjectFile {
  readonly label: string;
  readonly diff: ObjectDiff;
  /** The object as the distribution compiled it. */
  readonly plain: ElfObject;
}

/** The changed objects of one target, "vmlinux" or a module. */
export interface ChangedTarget {
  readonly target: string;
  readonly objects: readonly ChangedObjectFile[];
}

export interface Differences {
  readonly targets: readonly ChangedTarget[];
  /** What the differ had to remark, by object. */
  readonly notes: readonly string[];
}

/**
 * @throws KspliceError `refused-change` with every refusal of every object,
 *   `no-changes` if no running code changes
 */
export function findDifferences(
  objects: readonly CompiledObject[],
  tables: TableSizes,
  ui: Ui,
): Differences {
  const notes: string[] = [];
  const refusals: ObjectDiff['refusals'][number][] = [];
  const targets = new Map<string, ChangedObjectFile[]>();
  objects.forEach((object, index) => {
    ui.progress(index, objects.length, object.name);
    const diff = diffObjects(read(object.sectioned), read(object.post), object.name, tables);
    notes.push(...diff.notes.map((note) => `${object.name}: ${note}`));
    refusals.push(...diff.refusals);
    if (diff.verdict !== 'changed') return;
    const changed = { label: object.name, diff, plain: read(object.plain) };
    for (const owner of object.owners) {
      targets.set(owner, [...(targets.get(owner) ?? []), changed]);
    }
  });
  if (refusals.length > 0) throw refused(refusals);
  if (targets.size === 0) throw nothing(notes);
  for (const note of notes) ui.info(note);
  return { targets: [...targets].map(([target, list]) => ({ target, objects: list })), notes };
}

function read(file: string): ElfObject {
  return new ElfObject(readFileSync(file), file);
}

function refused(refusals: ObjectDiff['refusals']): KspliceError {
  const lines = refusals.map(
    ({ object, symbol, message }) => `${object}: ${symbol ? `${symbol}: ` : ''}${message}`,
  );
  return new KspliceError('refused-change', lines.join('\n'), {
    advice: [...new Set(refusals.map((refusal) => refusal.advice))].join(' '),
    details: refusals,
  });
}

function nothing(notes: readonly string[]): KspliceError {
  return new KspliceError('no-changes', 'No changes detected', {
    advice:
      notes.length > 0
        ? notes.join('; ')
        : 'The compiler makes the same code of the patched source as of the unpatched.',
    details: notes,
  });
}
