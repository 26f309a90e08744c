// --only-targets: a header may lead to hundreds of objects, of which the user
// wants those of one module.

import { KspliceError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { moduleName } from '../../module/loaded-name.js';
import type { ListedObject } from '../tree/kbuild-lists.js';

const SHOWN = 10;

/** The targets that the user wants changed. */
export class WantedTargets {
  private readonly names: ReadonlySet<string>;

  /** @param names "vmlinux" or modules; empty for all */
  constructor(names: readonly string[]) {
    this.names = new Set(names.map((name) => moduleName(name.replace(/\.ko$/, ''))));
  }

  /** Whether nothing is left out. */
  get isAll(): boolean {
    return this.names.size === 0;
  }

  /** Whether an object goes into one of them. */
  includes({ owners }: Pick<ListedObject, 'owners'>): boolean {
    return this.isAll || owners.some((owner) => this.names.has(owner));
  }

  /**
   * The objects that go into the wanted targets; the user is told of those that do not.
   * @throws KspliceError `no-changes` if there are none
   */
  choose<T extends Pick<ListedObject, 'owners'>>(objects: readonly T[], ui: Ui): T[] {
    if (this.isAll) return [...objects];
    const wanted = objects.filter((object) => this.includes(object));
    const left = [...new Set(objects.flatMap(({ owners }) => owners))]
      .filter((owner) => !this.names.has(owner))
      .sort((a, b) => Number(b === 'vmlinux') - Number(a === 'vmlinux') || (a < b ? -1 : 1));
    if (wanted.length === 0) throw nothingWanted([...this.names], left);
    if (left.length > 0) {
      ui.warn(`${shown(left)} may contain the changed code as well and will keep the old`);
    }
    return wanted;
  }

  /** An object with the wanted ones of its owners only; of two modules that share it, one may be. */
  narrow<T extends Pick<ListedObject, 'owners'>>(object: T): T {
    if (this.isAll) return object;
    return { ...object, owners: object.owners.filter((owner) => this.names.has(owner)) };
  }
}

function nothingWanted(names: readonly string[], left: readonly string[]): KspliceError {
  return new KspliceError('no-changes', `the change does not get into ${names.join(', ')}`, {
    advice: `It may get into ${shown(left)}: check --only-targets.`,
    details: { targets: left },
  });
}

function shown(targets: readonly string[]): string {
  const more = targets.length > SHOWN ? ` and ${targets.length - SHOWN} more` : '';
  return `${targets.slice(0, SHOWN).join(', ')}${more}`;
}
