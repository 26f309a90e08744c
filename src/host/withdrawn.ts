// Updates that hurt and were taken back: /var/lib/ksplice/withdrawn/ID.json; and those with which the
// machine went down while they were watched. No command applies them again until `ksplice-ts clear ID`.

import path from 'node:path';
import type { Problem } from '../base/errors.js';
import { asOneOf, asRecord, asText, fromJson } from '../base/stored.js';
import type { Host } from './host.js';
import { fatalWatch, namesOfRecords, type Watch, watchedIds } from './watched.js';

/** How much of it the kernel still has: `leaving` if only its new code is still loaded. */
const REMAINS = ['undoing', 'nothing', 'leaving', 'applied'] as const;
export type Remains = (typeof REMAINS)[number];

export interface Withdrawn {
  readonly id: string;
  /** ISO 8601. */
  readonly when: string;
  /** What was wrong, a sentence without its full stop. */
  readonly reason: string;
  /** When the record was written; after a boot there is nothing of it. */
  readonly remains: Remains;
  /** Of the kernel that it hurt, hexadecimal; '' if that is not known. */
  readonly buildId: string;
}

const asWithdrawn = asRecord<Withdrawn>({
  id: asText,
  when: asText,
  reason: asText,
  remains: asOneOf(REMAINS),
  buildId: asText,
});

export function withdrawnDirectory(host: Host): string {
  return path.join(host.paths.installed, 'withdrawn');
}

/** The record of an update; undefined if it is not withdrawn. */
export async function withdrawn(host: Host, id: string): Promise<Withdrawn | undefined> {
  const text = await host.read(withdrawnDirectory(host), `${id}.json`);
  if (text !== undefined) return fromJson(text, asWithdrawn) ?? damaged(id);
  const fatal = await fatalWatch(host, id);
  return fatal && wentDown(fatal);
}

/** That there is a record says enough: an update that hurts is not applied for want of a date. */
function damaged(id: string): Withdrawn {
  const when = 'at an unknown time';
  return { id, when, reason: 'its record is damaged', remains: 'nothing', buildId: '' };
}

function wentDown({ id, began, origin, buildId }: Watch): Withdrawn {
  const when = origin === 'boot' ? 'in the first boot with it' : 'while it was watched';
  return { id, when: began, reason: `the machine went down ${when}`, remains: 'nothing', buildId };
}

/** All of them, sorted by id. */
export async function allWithdrawn(host: Host): Promise<Withdrawn[]> {
  const ids = await namesOfRecords(host, withdrawnDirectory(host));
  const either = [...new Set([...ids, ...(await watchedIds(host))])].sort();
  const all = await Promise.all(either.map((id) => withdrawn(host, id)));
  return all.filter((one) => one !== undefined);
}

/** Why a withdrawn update is not applied or installed; none if it is not withdrawn. */
export async function withdrawnProblems(host: Host, id: string): Promise<Problem[]> {
  const record = await withdrawn(host, id);
  if (!record) return [];
  return [
    {
      code: 'withdrawn',
      message: `${id} was withdrawn (${record.when}): ${record.reason}`,
      advice: `If it may be applied all the same, \`ksplice-ts clear ${id}\` first.`,
    },
  ];
}
