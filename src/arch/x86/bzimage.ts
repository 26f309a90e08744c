// A bzImage is a boot sector, real-mode code, a decompressor, and in the middle
// of that the kernel, compressed. Where, the setup header says
// (Documentation/x86/boot.rst, payload_offset and payload_length); nothing has
// to be searched for.

import { badImage, readingImage } from '../../elf/bad-image.js';
import { Bytes } from '../../elf/bytes.js';
import type { KernelPayload } from '../machine.js';

const SETUP_SECTS = 0x1f1;
const HEADER_MAGIC = 0x202;
const PROTOCOL = 0x206;
const KERNEL_VERSION = 0x20e;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const SECTOR = 512;
/** The first protocol that says where the payload is. */
const PROTOCOL_2_08 = 0x208;

/**
 * Reads a bzImage's setup header.
 * @throws KspliceError `bad-image` if it is none, or cut short
 */
export function readBzImage(data: Buffer, origin: string): KernelPayload {
  return readingImage(origin, () => {
    const bytes = new Bytes(data, origin);
    if (bytes.length < PAYLOAD_LENGTH + 4 || bytes.u32(HEADER_MAGIC) !== 0x53726448) {
      throw badImage(origin, 'not an x86 kernel image (no setup header)');
    }
    if (bytes.u16(PROTOCOL) < PROTOCOL_2_08) {
      throw badImage(origin, 'too old: the setup header does not say where the kernel is');
    }
    const start = ((bytes.u8(SETUP_SECTS) || 4) + 1) * SECTOR;
    const length = bytes.u32(PAYLOAD_LENGTH);
    const payload = bytes.slice(start + bytes.u32(PAYLOAD_OFFSET), length);
    if (length < 8) throw badImage(origin, 'holds no kernel');
    const text = bytes.string(bytes.u16(KERNEL_VERSION) + SECTOR);
    const [release = ''] = text.split(' ');
    const version = text.indexOf('#');
    if (release === '' || version < 0)
      throw badImage(origin, 'the setup header has no version string');
    return {
      release,
      version: text.slice(version),
      payload,
      // gzip ends with this number; for the others kbuild appends it (size_append).
      size: payload.readUInt32LE(length - 4),
    };
  });
}
