// An inspection for scripts.

import type { Row } from './align.js';
import { type ChangedPart, newSize, oldSize } from './changed-parts.js';
import type { Line } from './code.js';
import type { Inspection, TargetInspection } from './inspection.js';
import type { Listing } from './listing.js';

/** All but the code: what --json prints. */
export function inspectionJson(inspection: Inspection): Record<string, unknown> {
  const { provedAgainst = null, targets, ...rest } = inspection;
  return { ...rest, provedAgainst, targets: targets.map(targetJson) };
}

function targetJson(target: TargetInspection): Record<string, unknown> {
  const { modules, objects, parts, tables, symbols, matched } = target;
  return {
    target: target.target,
    modules,
    objects,
    parts: parts.map(partJson),
    tables,
    symbols,
    matched,
  };
}

function partJson(part: ChangedPart): Record<string, unknown> {
  const { kind, name, object, old, new: now } = part;
  return {
    kind,
    name,
    object: object === '' ? null : object,
    oldSize: old ? oldSize(part) : null,
    newSize: now ? newSize(part) : null,
  };
}

/** One function's code, old and new, row by row. */
export function listingJson(target: string, { part, rows }: Listing): Record<string, unknown> {
  return { target, ...partJson(part), rows: rows.map(rowJson) };
}

function rowJson({ kind, old, new: now }: Row): Record<string, unknown> {
  return { kind, old: lineJson(old), new: lineJson(now) };
}

function lineJson(line: Line | undefined): Record<string, unknown> | null {
  if (!line) return null;
  const { offset, bytes, text, note } = line;
  return { offset, bytes: Buffer.from(bytes).toString('hex'), text, note: note ?? null };
}
