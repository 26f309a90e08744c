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
  const left = [...kinds];
  try {
    await withGuest({ name: 'soundness', kernel, timeoutMs: HOUR }, async (guest) => {
      for (let kind = left[0]; kind; kind = left[0]) {
        const wrong = await useOne(guest, kind, archiveOf(kind, workshop));
        left.shift();
        tell(kind, wrong);
      }
    });
  } catch (error) {
    const [last, ...others] = left.length > 0 ? left : kinds.slice(-1);
    tell(last!, (error as Error).message);
    for (const kind of others) tell(kind, 'not tried: the guest had ended');
  }
}

/** @throws Error if the guest dies */
async function useOne(guest: Guest, kind: Kind, archive: string): Promise<string | undefined> {
  const { use } = kind.subject;
  if (use === undefined) throw new Error(`${kind.kind} is made, and nothing says how to use it`);
  const logged = (await guest.dmesg()).length;
  const wrong = await throughItsLife(guest, use, archive, idOf(kind)).catch((error: Error) => {
    if (/the guest ended/.test(error.message)) throw error;
    return error.message;
  });
  const complaints = unexpectedRecords((await guest.dmesg()).slice(logged), 0, []);
  // They are told here, with their kind, and not once more at the end.
  guest.expectLog(...complaints.map(({ text }) => exactly(text)));
  const all = [...(wrong ? [wrong] : []), ...complaints.map(({ text }) => `the kernel: ${text}`)];
  return all.length > 0 ? all.join('\n') : undefined;
}

function exactly(text: string): RegExp {
  return new RegExp(`^${text.replace(/[^\w ]/g, '\\$&')}$`);
}

/** What was wrong: before, while or after an update is applied. */
async function throughItsLife(
  guest: Guest,
  { first, run, before, applied, after = before, last, stays }: Use,
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
    try {
      await look('applied', applied);
    } finally {
      const { because } = await kspliceIn(guest, `undo ${id}`);
      if (because !== (stays ? 'addresses-out' : null)) wrong.push(`undone, because ${because}`);
    }
    await look('after', after);
    if (last !== undefined) await shell.run(last);
    if (stays) await kspliceIn(guest, `undo ${id} --dangling`);
  } finally {
    shell.close();
  }
  const left = await kspliceModules(guest);
  if (left.length > 0) wrong.push(`${left} stays loaded`);
  return wrong.length > 0 ? wrong.join('\n') : undefined;
}
