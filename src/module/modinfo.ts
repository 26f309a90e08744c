// What a kernel module says about itself in .modinfo: NUL-terminated "tag=value".

import { KspliceError } from '../base/errors.js';
import { ET_REL } from '../elf/constants.js';
import { ElfObject } from '../elf/object.js';

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

// What follows the ELF file: the signature, struct module_signature
// (include/linux/module_signature.h) and this.
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
    signed: isSigned(data),
    object,
  };
}

const MODULE_SIGNATURE = { size: 12, signatureLength: 8 } as const;

/** A module file without the signature that the kernel's way appends, if there is one. */
export function withoutSignature(data: Buffer): Buffer {
  if (!isSigned(data)) return data;
  const info = data.length - SIGNATURE_END.length - MODULE_SIGNATURE.size;
  const length = info >= 0 ? data.readUInt32BE(info + MODULE_SIGNATURE.signatureLength) : 0;
  return data.subarray(0, Math.max(0, info - length));
}

function isSigned(data: Buffer): boolean {
  return data.subarray(-SIGNATURE_END.length).toString('latin1') === SIGNATURE_END;
}
