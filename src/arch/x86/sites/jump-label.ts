// Static keys: a no-op or a jump to the entry's target, in two lengths
// (arch/x86/kernel/jump_label.c).

import type { Site, SiteCode, TableEntry } from '../../site.js';
import { NOP2, NOP5 } from '../nops.js';
import { JMP8, JMP32 } from '../opcodes.js';
import { branch, plain } from './forms.js';

const TARGET = 4;

export function* jumpLabelSites(code: SiteCode): Generator<Site> {
  if (code.tables.jump === 0) return;
  for (const entry of code.entries('__jump_table', code.tables.jump)) {
    const { section, offset } = entry.code;
    const first = code.bytes(section, offset, offset + 1)[0]!;
    const short = first === JMP8 || first === NOP2[0];
    if (!short && first !== JMP32 && first !== NOP5[0]) {
      const at = `${section.name}+0x${offset.toString(16)}`;
      throw code.unsupported(`the jump label at ${at} is neither a jump nor a no-op`);
    }
    yield {
      mechanism: 'jump label',
      section,
      offset,
      length: short ? 2 : 5,
      forms: () => (short ? shortForms(code, entry) : longForms(code, entry)),
    };
  }
}

function target(code: SiteCode, entry: TableEntry) {
  const reference = entry.references.get(TARGET);
  if (!reference) throw code.unsupported('a jump label has no target');
  return code.keys.place(reference.symbol, reference.addend);
}

function longForms(code: SiteCode, entry: TableEntry) {
  const { key, offset } = target(code, entry);
  return [plain(NOP5), branch([JMP32], key, offset)];
}

function shortForms(code: SiteCode, entry: TableEntry) {
  const { key, offset } = target(code, entry);
  return [plain(NOP2), shortJump(key, offset)];
}

/** A jump with an 8-bit displacement, then `rest`. */
export function shortJump(key: number, offset: number, rest: Uint8Array = new Uint8Array(0)) {
  return {
    bytes: Uint8Array.from([JMP8, 0, ...rest]),
    fields: [
      {
        offset: 1,
        width: 1 as const,
        pcrel: true,
        signed: true,
        free: false,
        key,
        addend: offset - 1,
      },
    ],
  };
}
