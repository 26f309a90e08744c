// Static calls (arch/x86/kernel/static_call.c): all sites of one call go to
// the same function, or to none. A site is a call, a tail call, or a
// conditional tail call; the trampoline in .static_call.text is rewritten too.

import * as C from '../../../elf/constants.js';
import type { ElfSymbol, Section } from '../../../elf/object.js';
import type { Variant } from '../../../program/program.js';
import type { Site, SiteCode, TableEntry } from '../../site.js';
import { NOP5 } from '../nops.js';
import { CALL, JMP32, jcc32 } from '../opcodes.js';
import { branch, plain, RET5, RETURNS } from './forms.js';

/** Offset of the reference to the call's key, with flags in its low bits. */
const KEY = 4;
const KEY_FLAGS = 3;

/** `cs cs cs xor %eax,%eax`: the call of a function that returns 0. */
const XOR5 = [0x2e, 0x2e, 0x2e, 0x31, 0xc0];

/** `ud1 (%edx),%rdi`: in 7.x, the call with which code warns, where the trap is all that there is to it. */
const WARN = [0x67, 0x48, 0x0f, 0xb9, 0x3a];

/** `ds ds movb $0,(%rdi)`: in 7.x, the call that gives a spinlock back, on a machine that is not a host's guest. */
const UNLOCK = [0x3e, 0x3e, 0xc6, 0x07, 0x00];

export function* staticCallSites(code: SiteCode): Generator<Site> {
  const size = code.tables.staticCall;
  const listed = size > 0 && code.object.section('.static_call_sites') !== undefined;
  if (listed) {
    for (const entry of code.entries('.static_call_sites', size)) {
      yield site(code, entry.code.section, entry.code.offset, () => group(code, entry));
    }
  } else {
    yield* derivedSites(code);
  }
  for (const symbol of code.object.symbols) {
    if (symbol.section?.name === '.static_call.text' && symbol.type === C.STT_FUNC) {
      const calls = () => code.keys.group(groupLabel(symbol.name));
      yield {
        mechanism: 'static call trampoline',
        section: symbol.section,
        offset: symbol.value,
        length: 5,
        forms: () => tailForms(code, calls()),
      };
    }
  }
}

/**
 * objtool has not seen the object (it may run at link time only): the sites
 * are the branches to trampolines.
 */
function* derivedSites(code: SiteCode): Generator<Site> {
  for (const section of code.object.sections) {
    if (!(section.flags & C.SHF_EXECINSTR)) continue;
    for (const { offset, symbol } of code.object.relocations(section)) {
      if (!symbol.name.startsWith('__SCT__') || offset === 0) continue;
      const before = section.data[offset - 1]!;
      const conditional = offset > 1 && jcc32(section.data.subarray(offset - 2, offset));
      if (!conditional && before !== CALL && before !== JMP32) continue;
      const at = offset - (conditional ? 2 : 1);
      yield site(code, section, at, () => code.keys.group(groupLabel(symbol.name)));
    }
  }
}

function site(code: SiteCode, section: Section, offset: number, calls: () => number): Site {
  const bytes = section.data.subarray(offset, offset + 2);
  const conditional = jcc32(bytes);
  const forms = (): Variant[] => {
    if (conditional !== undefined) {
      // Without a function it returns: through a stub of the kernel's, or the thunk.
      return [
        branch([0x0f, conditional], calls()),
        branch([0x0f, conditional], code.keys.group('static call return')),
      ];
    }
    if (bytes[0] === JMP32) return tailForms(code, calls());
    return [branch([CALL], calls()), ...[NOP5, XOR5, WARN, UNLOCK].map(plain)];
  };
  const length = conditional === undefined ? 5 : 6;
  return { mechanism: 'static call', section, offset, length, forms };
}

function tailForms(code: SiteCode, calls: number): Variant[] {
  return [branch([JMP32], calls), plain(RET5), branch([JMP32], code.keys.group(RETURNS))];
}

function group(code: SiteCode, entry: TableEntry): number {
  const reference = entry.references.get(KEY);
  if (!reference) throw code.unsupported('a static call has no key');
  const { symbol, addend } = reference;
  return code.keys.group(groupLabel(symbolName(code, symbol, addend & ~KEY_FLAGS)));
}

/** A key and its trampoline mean the same call; a module may see the latter alone. */
function groupLabel(name: string): string {
  return `static call ${name.replace(/^__SC[KT]__/, '')}`;
}

function symbolName(code: SiteCode, symbol: ElfSymbol, offset: number): string {
  if (symbol.name && symbol.type !== C.STT_SECTION) {
    return symbol.binding === C.STB_LOCAL ? `${code.keys.label} ${symbol.name}` : symbol.name;
  }
  return `${code.keys.label} ${symbol.section?.name}+${symbol.value + offset}`;
}
