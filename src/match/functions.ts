// Which functions of an object the running kernel must hold.

import * as C from '../elf/constants.js';
import type { ElfObject, ElfSymbol, Section } from '../elf/object.js';

/** A function's code, under one of its names. */
export interface FunctionCode {
  readonly name: string;
  readonly section: Section;
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
  /** All its names are weak definitions. */
  readonly weak: boolean;
  /** All names of code at this place. */
  readonly names: readonly string[];
}

/** Sections that are gone, or may be, once the kernel or module has started. */
const DISCARDED = /^\.(init|exit|discard|meminit|memexit|devinit|devexit|cpuinit|cpuexit)(\.|$)/;

/**
 * Of the kernel proper also these, where gcc puts constructors and destructors (KASAN and gcov have
 * one in each object): INIT_TEXT and EXIT_TEXT of include/asm-generic/vmlinux.lds.h take them in. A
 * module keeps them (scripts/module.lds.S leaves them alone, and their names are not `.init` or `.exit`).
 */
const DISCARDED_OF_VMLINUX = /^\.text\.(startup|exit)$/;

/** Whether a running kernel does not keep the section. */
export function isDiscarded(section: Section): boolean {
  return DISCARDED.test(section.name);
}

/**
 * The functions to match, in the order of their sections and offsets.
 *
 * @param target what the object is linked into: "vmlinux" or the name of a module
 * @param replaced names that the update replaces: these are matched wherever they are
 * @param hasKallsyms tells which of several names can be looked up
 */
export function functionsOf(
  object: ElfObject,
  target: string,
  replaced: ReadonlySet<string>,
  hasKallsyms: (name: string) => boolean,
): FunctionCode[] {
  const gone = (section: Section): boolean =>
    isDiscarded(section) || (target === 'vmlinux' && DISCARDED_OF_VMLINUX.test(section.name));
  const byPlace = new Map<string, ElfSymbol[]>();
  for (const symbol of object.symbols) {
    const { section } = symbol;
    if (!section || symbol.type !== C.STT_FUNC || symbol.size === 0 || !symbol.name) continue;
    if (!(section.flags & C.SHF_EXECINSTR)) continue;
    if (gone(section) && !replaced.has(symbol.name)) continue;
    const place = `${section.index}+${symbol.value}`;
    const list = byPlace.get(place);
    if (list) list.push(symbol);
    else byPlace.set(place, [symbol]);
  }
  const functions = [...byPlace.values()].map((aliases) => pick(aliases, hasKallsyms));
  return functions.sort((a, b) => a.section.index - b.section.index || a.offset - b.offset);
}

/** Strong names before weak ones (another object's may go by these), known ones before unknown ones. */
function pick(aliases: readonly ElfSymbol[], hasKallsyms: (name: string) => boolean): FunctionCode {
  const rank = (symbol: ElfSymbol): number =>
    (symbol.binding === C.STB_WEAK ? 2 : 0) + (hasKallsyms(symbol.name) ? 0 : 1);
  const best = aliases.reduce((a, b) => (rank(b) < rank(a) ? b : a));
  return {
    name: best.name,
    section: best.section!,
    offset: best.value,
    size: Math.max(...aliases.map((symbol) => symbol.size)),
    weak: aliases.every((symbol) => symbol.binding === C.STB_WEAK),
    names: aliases.map((symbol) => symbol.name),
  };
}
