// Alternatives (apply_alternatives() in arch/x86/kernel/alternative.c): if the
// CPU has a feature, or lacks it, code is replaced by other code and filled up
// with no-ops; no-ops are merged in any case. The replacement may itself have
// been rewritten before it is copied.

import type { Relocation } from '../../../elf/object.js';
import type { Variant } from '../../../program/program.js';
import type { FormsOf, Site, SiteCode, TableEntry } from '../../site.js';
import { nops, patchRules } from '../nops.js';
import { CALL, JMP32, NOP } from '../opcodes.js';
import { branch, plain } from './forms.js';
import { shortJump } from './jump-label.js';

const REPLACEMENT = 4;
/** Where kernels with 14-byte entries keep ALT_FLAG_*, in the word after the feature. */
const FLAGS = 10;
const ALT_FLAG_DIRECT_CALL = 2;

export function* alternativeSites(code: SiteCode, formsOf: FormsOf): Generator<Site> {
  const { altInstr, altInstrLength, altReplacementLength } = code.tables;
  for (const entry of code.entries('.altinstructions', altInstr)) {
    const length = entry.data[altInstrLength]!;
    const replacementLength = entry.data[altReplacementLength]!;
    if (replacementLength > length) throw code.unsupported('an alternative is too long');
    if (length === 0) continue;
    const direct = patchRules(code.tables).directCalls && entry.data[FLAGS]! & ALT_FLAG_DIRECT_CALL;
    yield {
      mechanism: 'alternative',
      ...entry.code,
      length,
      overwrites: true,
      mergesNops: true,
      forms: () =>
        direct
          ? directCall(code, entry, length)
          : replaced(code, formsOf, entry, length, replacementLength),
    };
  }
}

function replaced(
  code: SiteCode,
  formsOf: FormsOf,
  entry: TableEntry,
  length: number,
  replacementLength: number,
): Variant[] {
  const reference = entry.references.get(REPLACEMENT);
  const place = reference && code.target(reference);
  if (!place) throw code.unsupported('an alternative has no replacement');
  const end = place.offset + replacementLength;
  const forms: Variant[] = [];
  for (const form of formsOf(place.section, place.offset, end)) {
    for (const moved of [form, ...shortened(code, form)]) {
      const bytes = new Uint8Array(length).fill(NOP);
      bytes.set(moved.bytes);
      forms.push({ bytes, fields: moved.fields });
    }
  }
  return forms;
}

/** A five-byte jump becomes a two-byte one where the target is near enough. */
function shortened(code: SiteCode, form: Variant): Variant[] {
  const [field] = form.fields;
  if (form.bytes.length !== 5 || form.bytes[0] !== JMP32 || !field || field.free) return [];
  return [shortJump(field.key, field.addend + 4, patchRules(code.tables).afterShortJump)];
}

/** alt_replace_call(): the pointer that an indirect call goes through is read at boot. */
function directCall(code: SiteCode, entry: TableEntry, length: number): Variant[] {
  const { section, offset } = entry.code;
  const pointer: Relocation | undefined = code.relocations(section, offset, offset + length)[0];
  if (!pointer || length < 5) throw code.unsupported('a direct call has no pointer');
  const target = code.keys.group(`call through ${pointer.symbol.name}+${pointer.addend}`);
  const rest = new Uint8Array(length - 5).fill(NOP);
  return [branch([CALL], target, 0, rest), plain(nops(patchRules(code.tables), length))];
}
