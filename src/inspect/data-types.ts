// The types of data that change with an update, as its report tells them. The report is in the
// archive and nothing depends on it, so it may be of another version, or damaged: what is not
// as expected counts as not told.

import { asListOf, asOneOf, asRecord, asText, asTexts } from '../base/stored.js';
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
  return asReport(report)?.layout ?? { comparing: 'not told' };
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

const asChangedType = asRecord<ChangedType>({
  name: asText,
  objects: asTexts,
  verdict: asOneOf(['fits', 'on stacks', 'allowed']),
  reasons: asTexts,
  notes: asTexts,
  lines: asTexts,
});

const asCompared = asRecord<Extract<DataTypes, { comparing: 'compared' }>>({
  comparing: asOneOf(['compared']),
  changes: asListOf(asChangedType),
});
const asNotCompared = asRecord<{ comparing: 'not touched' | 'not possible' }>({
  comparing: asOneOf(['not touched', 'not possible']),
});
const asReport = asRecord<{ layout: DataTypes }>({
  layout: (value) => asCompared(value) ?? asNotCompared(value),
});
