// What objtool makes of new code: where it returns, so that the kernel can write the return that
// its processor needs, and how its stack is unwound. objtool warns and goes on when it does not
// understand something, and the module is then without all of that.

import { machine } from '../arch/index.js';
import { KspliceError } from '../base/errors.js';
import { SHF_ALLOC, SHF_EXECINSTR } from '../elf/constants.js';
import type { ElfObject, Relocation, Section } from '../elf/object.js';

/** Longest opcode before the distance of a jump to a return thunk, in bytes. */
const LONGEST_OPCODE = 2;
/** Replacement code never runs where it is, and what unwinds it stands at its place. */
const NOT_RUN = /^\.altinstr_/;

/**
 * @param module a finished module, with its relocations
 * @throws KspliceError `command-failed` if code of it is not in the tables that objtool makes
 */
export function checkObjtoolTables(module: ElfObject): void {
  const missing = [...withoutUnwinding(module), ...withoutReturnSite(module)];
  if (missing.length === 0) return;
  const tables = missing.slice(0, 5).join('; ');
  throw new KspliceError('command-failed', `objtool did not finish ${module.name}: ${tables}`, {
    advice:
      'Run the command again with -v, and look for the warning of objtool. The patch cannot become an update as it is.',
    details: { missing },
  });
}

function withoutUnwinding(module: ElfObject): string[] {
  const known = module.sectionsNamed('.orc_unwind_ip').flatMap((table) => places(module, table));
  const sections = new Set(known.map(({ section }) => section));
  return codeOf(module)
    .filter((section) => !sections.has(section))
    .map(({ name }) => `${name} is not in .orc_unwind_ip`);
}

function withoutReturnSite(module: ElfObject): string[] {
  const listed = new Map<Section, Set<number>>();
  for (const table of module.sectionsNamed('.return_sites')) {
    for (const { section, offset } of places(module, table)) {
      if (!listed.has(section)) listed.set(section, new Set());
      listed.get(section)!.add(offset);
    }
  }
  const isListed = (section: Section, offset: number) => {
    for (let opcode = 1; opcode <= LONGEST_OPCODE; opcode++)
      if (listed.get(section)?.has(offset - opcode)) return true;
    return false;
  };
  return codeOf(module).flatMap((section) =>
    module
      .relocations(section)
      .filter(({ symbol }) => symbol.name === machine.code.returnThunk)
      .filter(({ offset }) => !isListed(section, offset))
      .map(({ offset }) => `${section.name}+0x${offset.toString(16)} is not in .return_sites`),
  );
}

function codeOf(module: ElfObject): Section[] {
  const code = SHF_ALLOC | SHF_EXECINSTR;
  return module.sections.filter(
    ({ flags, size, name }) => (flags & code) === code && size > 0 && !NOT_RUN.test(name),
  );
}

/** The places in code that a table's entries lead to. */
function places(module: ElfObject, table: Section): { section: Section; offset: number }[] {
  return module.relocations(table).flatMap(({ symbol, addend }: Relocation) => {
    const { section, value } = symbol;
    return section ? [{ section, offset: value + addend }] : [];
  });
}
