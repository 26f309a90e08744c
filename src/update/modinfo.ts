// What a kernel module says about itself in .modinfo: NUL-terminated "tag=value".

import { ET_REL } from '../elf/constants.js';
import { ElfObject } from '../elf/object.js';
import { KspliceError } from '../errors.js';

export interface ModuleInfo {
  readonly name: string;
  /** The kernel release in vermagic: its first word. */
  readonly release: string;
  readonly vermagic: string;
  readonly depends: readonly string[];
  /** Signed in the kernel's way, by a signature after the ELF file. */
  readonly signed: boolean;
  readonly object: ElfObject;
}

const SIGNATURE_END = '~Module signature appended~\n';

/**
 * Reads a module file.
 * @param origin for messages: the file's name
 * @throws KspliceError `bad-elf`
 */
export function readModule(data: Buffer, origin: string): ModuleInfo {
  const object = new ElfObject(data, origin);
  if (object.type !== ET_REL || !object.section('.modinfo')) {
    throw new KspliceError('bad-elf', `${origin}: not a kernel module`);
  }
  const tags = new Map<string, string>();
  for (const section of object.sectionsNamed('.modinfo')) {
    for (const line of section.data.toString('latin1').split('\0')) {
      const equals = line.indexOf('=');
      if (equals > 0) tags.set(line.slice(0, equals), line.slice(equals + 1));
    }
  }
  const vermagic = tags.get('vermagic') ?? '';
  return {
    name: tags.get('name') ?? '',
    release: vermagic.split(' ')[0] ?? '',
    vermagic,
    depends: (tags.get('depends') ?? '').split(',').filter((name) => name !== ''),
    signed: data.subarray(-SIGNATURE_END.length).toString('latin1') === SIGNATURE_END,
    object,
  };
}
