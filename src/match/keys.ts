// Which unknown each reference in an object is about.
//
// A reference to a symbol that another object defines is about that name. One
// to a symbol of the object itself is about the input section that holds it,
// plus an offset: so every reference into a section says where the section is,
// and two that disagree prove that the running object was laid out differently.
// If a symbol stands where a data section starts, kallsyms has its say as well.
// The exception is a weak definition, whose place another object's may have
// taken: a reference to it is about its name. Mergeable sections are taken
// apart by the linker, entry by entry; there each entry is an unknown.

import { KspliceError } from '../base/errors.js';
import * as C from '../elf/constants.js';
import type { ElfObject, ElfSymbol, Section } from '../elf/object.js';
import type { Key } from '../program/program.js';
import { isDiscarded } from './functions.js';

/** A symbol's place in terms of a key: address = value of the key + offset. */
export interface KeyedPlace {
  readonly key: number;
  readonly offset: number;
}

/** All keys of one program; names and groups are shared by its objects. */
export class KeyTable {
  private readonly list: { -readonly [P in keyof Key]: Key[P] }[] = [];
  private readonly named = new Map<string, number>();
  private readonly groups = new Map<string, number>();

  /** @param hasKallsyms whether the kernel's own symbol table has the name */
  constructor(private readonly known: (name: string) => boolean) {}

  get keys(): readonly Key[] {
    return this.list;
  }

  /** The key of a symbol that is known by its name alone. */
  name(name: string, weak: boolean): number {
    const known = this.named.get(name);
    if (known !== undefined) {
      // Zero is only good as long as nobody needs the symbol to exist.
      if (!weak) this.list[known]!.weak = false;
      return known;
    }
    const key = this.add({ name, label: name, kallsyms: this.known(name), weak });
    this.named.set(name, key);
    return key;
  }

  /** The key of a name that something has referred to. */
  find(name: string): number | undefined {
    return this.named.get(name);
  }

  /** The key of a value that all sites with the same label share. */
  group(label: string): number {
    let key = this.groups.get(label);
    if (key === undefined) {
      key = this.add({ label, group: true });
      this.groups.set(label, key);
    }
    return key;
  }

  /** A key of its own; `name` is what kallsyms may call it, or empty. */
  place(label: string, name = ''): number {
    return this.add({ label, name, kallsyms: name !== '' });
  }

  hasKallsyms(name: string): boolean {
    return this.known(name);
  }

  private add(key: Partial<Key>): number {
    const blank = { name: '', label: '', kallsyms: false, weak: false, group: false };
    return this.list.push({ ...blank, ...key }) - 1;
  }
}

/** The keys of one object. */
export class ObjectKeys {
  private readonly bySection = new Map<number, number>();
  private readonly byEntry = new Map<string, number>();

  constructor(
    private readonly table: KeyTable,
    readonly object: ElfObject,
    /** The object file, for messages. */
    readonly label: string,
    /** Called once for each section or merged entry that gets a key. */
    private readonly onKey: (key: number, section: Section, entry: MergedEntry | undefined) => void,
  ) {}

  /** The key and offset that stand for symbol + addend, wherever it is. */
  place(symbol: ElfSymbol, addend: number): KeyedPlace {
    const { section } = symbol;
    const replaceable = symbol.binding === C.STB_WEAK;
    if (!section || replaceable) {
      if (!symbol.name) throw unsupported(this.object.name, 'a reference to no symbol');
      const weak = replaceable && !section;
      return { key: this.table.name(symbol.name, weak), offset: addend };
    }
    const offset = symbol.value + addend;
    if (!(section.flags & C.SHF_MERGE)) return { key: this.section(section), offset };
    // With a section symbol the addend selects the entry, with another the symbol does.
    const inside = symbol.type === C.STT_SECTION ? offset : symbol.value;
    const entry = mergedEntry(this.object.name, section, inside);
    return { key: this.entry(section, entry), offset: offset - entry.offset };
  }

  /** The same if the program has the key already. */
  known(symbol: ElfSymbol): KeyedPlace | undefined {
    const { section, value } = symbol;
    if (!section || symbol.binding === C.STB_WEAK) {
      const key = this.table.find(symbol.name);
      return key === undefined ? undefined : { key, offset: 0 };
    }
    if (!(section.flags & C.SHF_MERGE)) {
      const key = this.bySection.get(section.index);
      return key === undefined ? undefined : { key, offset: value };
    }
    const entry = mergedEntry(this.object.name, section, value);
    const key = this.byEntry.get(entryId(section, entry));
    return key === undefined ? undefined : { key, offset: value - entry.offset };
  }

  /** The key of an input section's first byte. */
  section(section: Section): number {
    let key = this.bySection.get(section.index);
    if (key === undefined) {
      key = this.table.place(`${this.label} ${section.name}`, this.firstSymbol(section));
      this.bySection.set(section.index, key);
      this.onKey(key, section, undefined);
    }
    return key;
  }

  /** A name for the start of a data section; functions are looked for anyway. */
  private firstSymbol(section: Section): string {
    if (section.flags & C.SHF_EXECINSTR || isDiscarded(section)) return '';
    const first = this.object.symbols.find(
      (symbol) =>
        symbol.section === section &&
        symbol.value === 0 &&
        symbol.type === C.STT_OBJECT &&
        symbol.binding !== C.STB_WEAK &&
        this.table.hasKallsyms(symbol.name),
    );
    return first?.name ?? '';
  }

  /** The key of what all sites of a kind in all objects share. */
  group(label: string): number {
    return this.table.group(label);
  }

  private entry(section: Section, entry: MergedEntry): number {
    const id = entryId(section, entry);
    let key = this.byEntry.get(id);
    if (key === undefined) {
      const place = `${section.name}+0x${entry.offset.toString(16)}`;
      key = this.table.place(`${this.label} ${place}`);
      this.byEntry.set(id, key);
      this.onKey(key, section, entry);
    }
    return key;
  }
}

function entryId(section: Section, entry: MergedEntry): string {
  return `${section.index}+${entry.offset}`;
}

/** A string or constant in a mergeable section. */
export interface MergedEntry {
  readonly offset: number;
  /** In bytes; a string's terminator is counted. */
  readonly length: number;
}

function mergedEntry(origin: string, section: Section, inside: number): MergedEntry {
  const unit = section.entsize || 1;
  const { data } = section;
  if (inside < 0 || inside >= data.length) {
    const place = `${section.name}${inside < 0 ? '' : '+'}${inside}`;
    throw unsupported(origin, `a reference to ${place}, outside of the section`);
  }
  if (!(section.flags & C.SHF_STRINGS)) {
    const offset = inside - (inside % unit);
    return { offset, length: Math.min(unit, data.length - offset) };
  }
  const ends = (at: number): boolean => {
    for (let byte = at; byte < at + unit; byte++) if (data[byte]) return false;
    return true;
  };
  let start = inside - (inside % unit);
  while (start > 0 && !ends(start - unit)) start -= unit;
  let end = inside - (inside % unit);
  while (end + unit <= data.length && !ends(end)) end += unit;
  return { offset: start, length: Math.min(end + unit, data.length) - start };
}

function unsupported(origin: string, what: string): KspliceError {
  return new KspliceError('unsupported-object', `${origin}: ${what}`, {
    advice: 'The object was made by an unusual compiler; please report it.',
  });
}
