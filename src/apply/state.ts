// What is remembered of an applied update until the next boot, under /run/ksplice:
// its patch and description for `view`, which the kernel does not have. sysfs says
// which updates are applied. Only the parts that are still awaited are read from
// here, when their module comes.
//
//   /run/ksplice/lock              held while a command changes something
//   /run/ksplice/load-XXXXXX/      modules on their way into the kernel
//   /run/ksplice/updates/ID/       patch, state.json
//     ksplice-ID/                  the whole update, if a module of it is awaited

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { asRecord, asText, asTexts, fromJson, orElse } from '../base/stored.js';
import type { Host } from '../host/host.js';
import { asKernelBefore, type KernelBefore, kernelNow } from '../host/kernel-before.js';
import { cannotWrite, privateDirectory } from '../host/private-directory.js';
import { asTrust, type Trust } from '../trust/trust.js';
import { type AddressOut, asAddress } from '../update/addresses-out.js';
import { CHECKSUMS } from '../update/checksums.js';
import { isUpdateId } from '../update/contents.js';
import { asFixes, type Fixes } from '../update/fixes.js';
import type { Update } from '../update/update.js';

export interface UpdateState {
  readonly id: string;
  readonly description: string;
  /** When the update was made and when it was applied, ISO 8601. */
  readonly created: string;
  readonly applied: string;
  readonly targets: readonly string[];
  /** The updates that it was made on top of, the oldest first. */
  readonly on: readonly string[];
  /** Functions that may be busy when they are switched. */
  readonly allowBusy: readonly string[];
  /** Types that change though objects of them may exist, by the word of who made it. */
  readonly allowLayout: readonly string[];
  /** What of its new code others may use after undo. */
  readonly addressesOut: readonly AddressOut[];
  readonly fixes: Fixes;
  /** Who made it, by the rules of this host at the time; undefined if it was applied by an earlier version. */
  readonly trust?: Trust | undefined;
  /** SHA-256 of the update's SHA256SUMS, hexadecimal; '' if it was applied by an earlier version. */
  readonly digest: string;
  /** The kernel just before; undefined as above. */
  readonly before?: KernelBefore | undefined;
}

/**
 * Remembers an update that is about to be applied.
 * @param whole whether its modules are needed later
 */
export async function saveState(
  host: Host,
  update: Update,
  { allowBusy, trust }: Pick<UpdateState, 'allowBusy' | 'trust'>,
  whole: boolean,
): Promise<void> {
  const directory = await updatesDirectory(host);
  const state: UpdateState = {
    id: update.id,
    description: update.description,
    created: update.timestamp,
    applied: new Date().toISOString(),
    targets: update.contents.changes.map(({ target }) => target),
    on: update.contents.on,
    allowBusy,
    allowLayout: update.allowLayout,
    addressesOut: update.addressesOut,
    fixes: update.fixes,
    trust,
    digest: createHash('sha256').update(update.files.get(CHECKSUMS)!).digest('hex'),
    before: await kernelNow(host),
  };
  const final = path.join(directory, update.id);
  const unfinished = path.join(directory, `.${update.id}`);
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { mode: 0o700 });
    await writeNew(path.join(unfinished, 'patch'), update.patch);
    await writeNew(path.join(unfinished, 'state.json'), `${JSON.stringify(state)}\n`);
    if (whole) await writeWhole(path.join(unfinished, `ksplice-${update.id}`), update);
    await rm(final, { recursive: true, force: true });
    await rename(unfinished, final);
  } catch (error) {
    throw cannotWrite(final, error);
  }
}

/** The ids of all updates of which something is remembered. */
export async function rememberedIds(host: Host): Promise<string[]> {
  return (await host.list(path.join(host.paths.run, 'updates'))).filter(isUpdateId).sort();
}

/** Forgets an update; it may never have been known. */
export async function removeState(host: Host, id: string): Promise<void> {
  await rm(path.join(host.paths.run, 'updates', id), { recursive: true, force: true });
}

/** What is remembered; undefined without the right to read it, or after a change by hand. */
export async function readState(host: Host, id: string): Promise<UpdateState | undefined> {
  const text = await host.read(host.paths.run, 'updates', id, 'state.json');
  const known = fromJson(text, asKnown);
  return known && { id, ...known };
}

/** Where an update is that was kept whole, as `readUpdate` takes it. */
export function keptDirectory(host: Host, id: string): string {
  return path.join(host.paths.run, 'updates', id, `ksplice-${id}`);
}

/** The source patch, exactly; undefined as above. */
export async function readKeptPatch(host: Host, id: string): Promise<string | undefined> {
  const file = path.join(host.paths.run, 'updates', id, 'patch');
  return readFile(file, 'utf8').catch(() => undefined);
}

/** Lists that an earlier version did not write are empty. */
const asKnown = asRecord<
  Omit<UpdateState, 'id' | 'before' | 'trust'>,
  { before: KernelBefore; trust: Trust }
>(
  {
    description: asText,
    created: asText,
    applied: asText,
    targets: asTexts,
    on: orElse(asTexts, []),
    allowBusy: orElse(asTexts, []),
    allowLayout: orElse(asTexts, []),
    fixes: asFixes,
    digest: orElse(asText, ''),
    // Those of another version may be of kinds that are not known here.
    addressesOut: (value = []) =>
      Array.isArray(value) ? value.map(asAddress).filter((one) => one !== undefined) : undefined,
  },
  { before: asKernelBefore, trust: asTrust },
);

async function updatesDirectory(host: Host): Promise<string> {
  await privateDirectory(host.paths.run);
  return privateDirectory(path.join(host.paths.run, 'updates'));
}

async function writeWhole(root: string, update: Update): Promise<void> {
  for (const [name, data] of update.files) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeNew(file, data);
  }
}

async function writeNew(file: string, text: string | Buffer): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const handle = await open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}
