// A livepatch module for a kernel without CONFIG_LIVEPATCH: its loader refuses
// such a module, and would leave those relocations alone. So the symbols get the
// addresses that they have in this boot, and their relocations become ordinary
// ones. See simplify_symbols(), apply_relocations() and check_modinfo_livepatch()
// in kernel/module/main.c.
//
// Nothing is moved in the file, but it is not what was signed any more: a
// signature would not only be worthless, the kernel refuses a module with a wrong one.

import { KspliceError } from '../base/errors.js';
import * as C from '../elf/constants.js';
import { ObjectEditor } from '../elf/edit.js';
import { ElfObject } from '../elf/object.js';
import { KLP_MODINFO, readKlpSymbolName } from './livepatch.js';

/** All addresses of a name in "vmlinux" or a module, as the running kernel's kallsyms orders them. */
export type Addresses = (name: string, object: string) => readonly bigint[];

/** Whether a module needs the kernel's livepatch code to be loaded: also if it has no such symbol. */
export function isLivepatchModule(object: ElfObject): boolean {
  return object.sections.some(({ name, data }) => name === '.modinfo' && modinfoLine(data) >= 0);
}

/**
 * The module with all its livepatch symbols at the addresses of the running kernel.
 * @param ko the file without a signature
 * @param origin its name, for messages
 * @throws KspliceError `unresolved-symbol` with all that this kernel does not have; `bad-elf`
 */
export function bindToAddresses(ko: Buffer, origin: string, addresses: Addresses): Buffer {
  const object = new ElfObject(ko, origin);
  const editor = new ObjectEditor(ko, object);
  const missing: string[] = [];
  for (const symbol of object.symbols) {
    if (symbol.shndx !== C.SHN_LIVEPATCH) continue;
    const wanted = readKlpSymbolName(symbol.name);
    const found = wanted && addresses(wanted.name, wanted.object)[wanted.position - 1];
    if (found === undefined) missing.push(symbol.name);
    else editor.setSymbol(symbol, C.SHN_ABS, found);
  }
  if (missing.length > 0) throw unresolved(origin, missing);
  for (const section of object.sections) {
    if (section.flags & C.SHF_RELA_LIVEPATCH) editor.setFlags(section, C.SHF_INFO_LINK);
    const line = section.name === '.modinfo' ? modinfoLine(section.data) : -1;
    if (line >= 0) editor.setBytes(section, line, new Uint8Array(KLP_MODINFO.length));
  }
  return editor.file;
}

/** Where the line is in the section, or -1. The loader skips the zeros that take its place. */
function modinfoLine(modinfo: Buffer): number {
  const at = modinfo.indexOf(`\0${KLP_MODINFO}\0`, 0, 'latin1');
  return at < 0 ? -1 : at + 1;
}

function unresolved(origin: string, names: readonly string[]): KspliceError {
  return new KspliceError(
    'unresolved-symbol',
    `${origin} needs symbols that the running kernel does not have: ${names.join(', ')}`,
    {
      advice: 'Make the update from the source and System.map of exactly this kernel.',
      details: { symbols: names },
    },
  );
}
