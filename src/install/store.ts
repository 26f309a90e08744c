// The updates that are applied at each boot, on the disk:
//
//   /var/lib/ksplice/lock                       held while something here changes
//   /var/lib/ksplice/attempt.json               there while an update is applied at boot
//   /var/lib/ksplice/late.json                  the same while a module that they await is loaded
//   /var/lib/ksplice/updates/ID/installed.json  for which kernel, and its place in the order
//   /var/lib/ksplice/updates/ID/crashed.json    the machine went down while it was applied
//   /var/lib/ksplice/updates/ID/survived.json   it was watched to the end
//   /var/lib/ksplice/updates/ID/ksplice-ID/     the update, unpacked

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { KspliceError } from '../base/errors.js';
import { asListOf, fromJson } from '../base/stored.js';
import type { Host } from '../host/host.js';
import { cannotWrite, privateDirectory } from '../host/private-directory.js';
import { isUpdateId } from '../update/contents.js';
import type { Update } from '../update/update.js';
import {
  removeDurably,
  renameDurably,
  replaceDurably,
  syncDirectory,
  writeNewDurably,
} from './durable.js';
import { type Attempt, asAttempt, asInstalled, type Installed } from './records.js';
import { forgetOldWatches } from './watch-files.js';

export class Store {
  private constructor(private readonly directory: string) {}

  /**
   * Opens the store, making it if need be.
   * @throws KspliceError `io` if it is not root's alone, or cannot be made
   */
  static async open(host: Host): Promise<Store> {
    const directory = await privateDirectory(host.paths.installed);
    await privateDirectory(path.join(directory, 'updates'));
    return new Store(directory);
  }

  /** Where an installed update is, as `readUpdate` takes it. */
  updateDirectory(id: string): string {
    return path.join(this.place(id), `ksplice-${id}`);
  }

  /** All updates, in the order of their installation, and what is wrong with those of no use. */
  async all(host: Host): Promise<{ updates: Installed[]; faults: KspliceError[] }> {
    const updates: Installed[] = [];
    const faults: KspliceError[] = [];
    for (const id of await host.list(path.join(this.directory, 'updates'))) {
      if (!isUpdateId(id)) continue;
      try {
        updates.push(await this.get(host, id));
      } catch (error) {
        if (!(error instanceof KspliceError)) throw error;
        faults.push(error);
      }
    }
    return { updates: updates.sort((a, b) => a.order - b.order), faults };
  }

  /** @throws KspliceError `io` if the update is not there, or its record was damaged */
  async get(host: Host, id: string): Promise<Installed> {
    const text = await host.read(this.place(id), 'installed.json');
    const record = fromJson(text, asInstalled);
    if (!record) {
      throw new KspliceError('io', `${this.place(id)}/installed.json is damaged`, {
        advice: `\`ksplice-ts uninstall ${id}\` removes it; then install the update again.`,
      });
    }
    return { id, ...record };
  }

  /** Whether there is anything under an id, whole or not. */
  async has(host: Host, id: string): Promise<boolean> {
    return (await host.list(path.join(this.directory, 'updates'))).includes(id);
  }

  async isEmpty(host: Host): Promise<boolean> {
    return !(await host.list(path.join(this.directory, 'updates'))).some(isUpdateId);
  }

  /** Adds an update: after a crash it is there with all its files, or not at all. */
  async add(record: Installed, update: Update): Promise<void> {
    const unfinished = path.join(this.directory, 'updates', `.${record.id}`);
    try {
      await removeDurably(unfinished);
      await mkdir(unfinished, { mode: 0o700 });
      await writeNewDurably(path.join(unfinished, 'installed.json'), json(record));
      const root = path.join(unfinished, `ksplice-${record.id}`);
      const directories = new Set([root]);
      await mkdir(root, { mode: 0o700 });
      for (const [name, data] of update.files) {
        const file = path.join(root, name);
        await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
        directories.add(path.dirname(file));
        await writeNewDurably(file, data);
      }
      for (const directory of [...directories, unfinished]) await syncDirectory(directory);
      await renameDurably(unfinished, this.place(record.id));
    } catch (error) {
      await removeDurably(unfinished).catch(() => {});
      throw cannotWrite(this.place(record.id), error);
    }
  }

  /** Removes an update, whole or damaged. */
  async remove(id: string): Promise<void> {
    // Renamed first: what a crash leaves then is no update.
    const going = path.join(this.directory, 'updates', `.${id}`);
    try {
      await removeDurably(going);
      await renameDurably(this.place(id), going);
      await removeDurably(going);
    } catch (error) {
      throw cannotWrite(this.place(id), error);
    }
  }

  /** When the machine went down while the update was applied; undefined if it did not. */
  async crash(host: Host, id: string): Promise<Attempt | undefined> {
    const text = await host.read(this.place(id), 'crashed.json');
    if (text === undefined) return undefined;
    // That there is a record says enough, and an update that crashes is not tried for want of a date.
    return fromJson(text, asAttempt) ?? { id, bootId: '', began: 'at an unknown time' };
  }

  async forgetCrash(id: string): Promise<void> {
    await removeDurably(path.join(this.place(id), 'crashed.json'));
  }

  /**
   * Notes on the disk that an update is about to be applied.
   * @throws KspliceError `io`; then it must not be
   */
  async begin(attempt: Attempt): Promise<void> {
    await note(this.attemptFile, attempt);
  }

  /** The attempt is over, whatever came of it. */
  async end(): Promise<void> {
    await removeDurably(this.attemptFile);
  }

  /**
   * The same, of updates of which a part is applied when a module is loaded. That happens
   * at any time, so it is not noted in the same place.
   * @throws KspliceError `io`; then they must not be
   */
  async beginLate(attempts: readonly Attempt[]): Promise<void> {
    await note(this.lateFile, attempts);
  }

  async endLate(): Promise<void> {
    await removeDurably(this.lateFile);
  }

  /**
   * Looks for an attempt that did not end. If it was another boot's, the machine went down, and that is
   * remembered with the update that was being applied. It is to blame then, and no update that was watched.
   */
  async settleAttempt(host: Host, bootId: string): Promise<void> {
    const attempt = fromJson(await host.read(this.attemptFile), asAttempt);
    const late = await attemptsIn(this.lateFile, host);
    const isOver = (one: Attempt) => one.bootId !== bootId;
    const during = [...(attempt ? [attempt] : []), ...late].filter(isOver);
    for (const one of during) await this.keep(host, 'crashed.json', one);
    await forgetOldWatches(host, during.length > 0);
    await this.end();
    // One of this boot may be under way.
    if (late.some(isOver)) await this.endLate();
  }

  /** Whether a boot with the update went well. */
  async hasSurvived(host: Host, id: string): Promise<boolean> {
    return (await host.read(this.place(id), 'survived.json')) !== undefined;
  }

  /** The update was watched, and nothing was wrong. */
  async survived(host: Host, attempt: Attempt): Promise<void> {
    await this.keep(host, 'survived.json', attempt);
  }

  /** Remembers something of an update that may have been removed meanwhile. */
  private async keep(host: Host, name: string, attempt: Attempt): Promise<void> {
    if (!(await this.has(host, attempt.id))) return;
    await replaceDurably(path.join(this.place(attempt.id), name), json(attempt));
  }

  private get lateFile(): string {
    return path.join(this.directory, 'late.json');
  }

  private get attemptFile(): string {
    return path.join(this.directory, 'attempt.json');
  }

  private place(id: string): string {
    return path.join(this.directory, 'updates', id);
  }
}

/** A list of attempts; none if the file is not there, or damaged. */
async function attemptsIn(file: string, host: Host): Promise<Attempt[]> {
  return fromJson(await host.read(file), asListOf(asAttempt)) ?? [];
}

async function note(file: string, value: unknown): Promise<void> {
  try {
    await replaceDurably(file, json(value));
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
