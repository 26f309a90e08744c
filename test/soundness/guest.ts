// The updates that were made, in one boot of the stock kernel: each is applied, used and undone.

import type { TestKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from '../vm/harness/index.js';
import { unexpectedRecords } from '../vm/harness/kernlog.js';
import { kspliceIn, kspliceModules } from '../vm/ksplice.js';
import type { Workshop } from '../vm/workshop.js';
import { archiveOf, idOf } from './create.js';
import type { Kind, Use } from './kind.js';
import { Shell } from './shell.js';

const HOUR = 3_600_000;

/**
 * Uses all updates, one after the other.
 * @param tell is called with each kind's objection, undefined if all was as it should be
 */
export async function useInGuest(
  kinds: readonly Kind[],
  kernel: TestKernel,
  workshop: Workshop,
  tell: (kind: Kind, objection: string | undefined) => void,
): Promise<void> {
  await withGuest({ name: 'soundness', kernel, timeoutMs: HOUR }, async (guest) => {
    for (const kind of kinds) tell(kind, await useOne(guest, kind, archiveOf(kind, workshop)));
  });
}

/** A guest that dies throws. */
async function useOne(guest: Guest, kind: Kind, archive: string): Promise<string | undefined> {
  const { use } = kind.subject;
  if (use === undefined) throw new Error(`${kind.kind} is made, and nothing says how to use it`);
  const logged = (await guest.dmesg()).length;
  const wrong = await throughItsLife(guest, use, archive, idOf(kind)).catch((error: Error) => {
    if (/the guest ended/.test(error.message)) throw error;
    return error.message;
  });
  const complaints = unexpectedRecords((await guest.dmesg()).slice(logged), 0, []);
  if (complaints.length === 0) return wrong;
  // Told here, with its kind, and not once more at the guest's end.
  guest.expectLog(/./);
  return [wrong, ...complaints.map(({ text }) => `the kernel: ${text}`)].filter(Boolean).join('\n');
}

/** What was wrong: before, while or after an update is applied. */
async function throughItsLife(
  guest: Guest,
  { first, run, before, applied, after = before, last }: Use,
  archive: string,
  id: string,
): Promise<string | undefined> {
  const shell = new Shell(guest);
  const wrong: string[] = [];
  const look = async (when: string, expected: RegExp) => {
    const text = await shell.run(run);
    if (!expected.test(text)) wrong.push(`${when}: ${text}, which is not ${expected}`);
  };
  try {
    if (first !== undefined) await shell.run(first);
    await look('before', before);
    await kspliceIn(guest, `apply ${archive}`);
    await look('applied', applied);
    await kspliceIn(guest, `undo ${id}`);
    await look('after', after);
    if (last !== undefined) await shell.run(last);
  } finally {
    shell.close();
  }
  const left = await kspliceModules(guest);
  if (left.length > 0) wrong.push(`${left} stays loaded`);
  return wrong.length > 0 ? wrong.join('\n') : undefined;
}
