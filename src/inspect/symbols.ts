// The symbols that the new code leaves to the module loader, and how each is found.

import * as C from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { livepatchName, type NewModule } from './new-module.js';

export interface NeededSymbol {
  readonly name: string;
  /**
   * `exported`: as any module's; `position`: by name and position in the kernel's
   * symbol table; `weak`: exported if there is one, otherwise zero; `core`: of the
   * ksplice module.
   */
  readonly how: 'exported' | 'position' | 'weak' | 'core';
  /** The checksum of the exported symbol's type, as the module demands it: "0x1a2b3c4d". */
  readonly version?: string;
  /** With `position`: "vmlinux" or the module, and which of the symbols of that name, from 1. */
  readonly object?: string;
  readonly position?: number;
  /** Compared with what run-pre matching found out, before the switch. */
  readonly compared: boolean;
  /** Places in the new code and its tables that refer to it. */
  readonly uses: number;
}

/** Symbols of the core that a new-code module registers itself with. */
const CORE = /^ksplice_(un)?register_(new|old)_code$/;

/** Everything that a new-code module needs from elsewhere: by position first, then by name. */
export function neededSymbols(module: NewModule): NeededSymbol[] {
  const { object } = module;
  const versions = readVersions(object);
  const compared = new Set(module.refs.map(({ relocation }) => relocation.symbol));
  const uses = countUses(module);
  const symbols = object.symbols
    .filter((symbol) => symbol.name !== '' && isOutside(symbol))
    .map((symbol) => ({
      ...foundBy(symbol, versions),
      compared: compared.has(symbol),
      uses: uses.get(symbol) ?? 0,
    }));
  const rank = ({ how }: NeededSymbol) => ['position', 'exported', 'weak', 'core'].indexOf(how);
  return symbols.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

function isOutside({ shndx, section }: ElfSymbol): boolean {
  return !section && (shndx === C.SHN_UNDEF || shndx === C.SHN_LIVEPATCH);
}

function foundBy(
  symbol: ElfSymbol,
  versions: ReadonlyMap<string, string>,
): Pick<NeededSymbol, 'name' | 'how' | 'version' | 'object' | 'position'> {
  if (symbol.shndx === C.SHN_LIVEPATCH) {
    const [object, name, position] = livepatchName(symbol);
    return { name, how: 'position', object, position };
  }
  const { name } = symbol;
  const version = versions.get(name);
  const rest = version === undefined ? {} : { version };
  if (CORE.test(name)) return { name, how: 'core', ...rest };
  return { name, how: symbol.binding === C.STB_WEAK ? 'weak' : 'exported', ...rest };
}

function countUses(module: NewModule): Map<ElfSymbol, number> {
  const uses = new Map<ElfSymbol, number>();
  for (const section of module.object.sections) {
    // Tables refer to static keys and the like; the template's own code does not count.
    const counts = (section.flags & C.SHF_ALLOC) !== 0 && !TEMPLATE.test(section.name);
    for (const { symbol } of counts ? module.relocations(section) : []) {
      uses.set(symbol, (uses.get(symbol) ?? 0) + 1);
    }
  }
  return uses;
}

const TEMPLATE = /^\.(init|exit|gnu\.linkonce)/;

/** struct modversion_info of include/linux/module.h: a checksum in eight bytes, and the name. */
const VERSION = { size: 64, name: 8 } as const;

function readVersions(object: ElfObject): Map<string, string> {
  const versions = new Map<string, string>();
  for (const { data } of object.sectionsNamed('__versions')) {
    for (let at = 0; at + VERSION.size <= data.length; at += VERSION.size) {
      const text = data.toString('latin1', at + VERSION.name, at + VERSION.size);
      const name = text.split('\0')[0]!;
      versions.set(name, `0x${data.readUInt32LE(at).toString(16).padStart(8, '0')}`);
    }
  }
  return versions;
}
