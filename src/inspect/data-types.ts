// The types of data that change with an update, as its report tells them. The report is in the
// archive and nothing depends on it, so it may be of another version, or damaged: what is not
// as expected counts as not told.

import type { LayoutVerdict } from '../layout/guard.js';

/** A type that changes. */
export interface ChangedType {
  /** "struct foo", "the variable x", "the function f" */
  readonly name: string;
  readonly objects: readonly string[];
  readonly verdict: Exclude<LayoutVerdict, 'refused'>;
  /** Why what exists does not fit the new code; empty if it does. */
  readonly reasons: readonly string[];
  readonly notes: readonly string[];
  /** The type, what goes marked with "-" and what comes with "+". */
  readonly lines: readonly string[];
}

/** What is known of the types; `not touched` if the patch changes statements only. */
export type DataTypes =
  | { readonly comparing: 'not touched' | 'not possible' | 'not told' }
  | { readonly comparing: 'compared'; readonly changes: readonly ChangedType[] };

/** What the report of an update tells of types. */
export function dataTypesOf(report: unknown): DataTypes {
  const { layout } = asRecord(report);
  const { comparing, changes } = asRecord(layout);
  if (comparing === 'not touched' || comparing === 'not possible') return { comparing };
  if (comparing !== 'compared' || !Array.isArray(changes)) return { comparing: 'not told' };
  const known = changes.map(changedType);
  if (known.includes(undefined)) return { comparing: 'not told' };
  return { comparing, changes: known.filter((one) => one !== undefined) };
}

/** What the verdict on a type means, in a few words. */
export function typeFate({ verdict }: ChangedType): string {
  return FATES[verdict];
}

const FATES: Readonly<Record<ChangedType['verdict'], string>> = {
  fits: 'existing objects fit the new code',
  'on stacks': 'only on stacks of functions that are replaced',
  allowed: 'existing objects do not fit; its author promises that this does no harm',
};

function changedType(value: unknown): ChangedType | undefined {
  const { name, objects, verdict, reasons, notes, lines } = asRecord(value);
  if (typeof name !== 'string' || !isVerdict(verdict)) return undefined;
  if (!isTexts(objects) || !isTexts(reasons) || !isTexts(notes) || !isTexts(lines)) {
    return undefined;
  }
  return { name, objects, verdict, reasons, notes, lines };
}

function isVerdict(value: unknown): value is ChangedType['verdict'] {
  return typeof value === 'string' && Object.hasOwn(FATES, value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
