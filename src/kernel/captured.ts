// A captured kernel, opened: see capture-format.ts for what is in the files.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ElfObject } from '../elf/object.js';
import {
  badCapture,
  type CaptureManifest,
  KALLSYMS,
  MEMORY,
  readManifest,
  sha256,
} from './capture-format.js';
import { parseKallsyms } from './kallsyms-text.js';
import type { KernelFiles } from './kernel-in-files.js';
import { Memory, type Region } from './memory.js';

/** More than any capture; keeps a hostile file from filling the memory. */
const MAX_SIZE = 1 << 30;

/**
 * @throws KspliceError `bad-image` if any part of it is missing, altered or
 *   does not fit the manifest
 */
export function openCapture(directory: string): KernelFiles {
  const manifest = readManifest(directory);
  const text = readPart(directory, manifest, KALLSYMS).toString('latin1');
  const kallsyms = parseKallsyms(text, join(directory, KALLSYMS), 'bad-image');
  const memory = new Memory();
  memory.add(cutRegions(directory, manifest, readPart(directory, manifest, MEMORY)));
  const modules = new Set(manifest.modules);
  const files: KernelFiles = {
    kernel: {
      origin: `the capture in ${directory}`,
      release: manifest.release,
      read: (address, length) => memory.read(address, length),
      lookup: (name, module) => kallsyms.lookup(name, module),
      hasTarget: (target) => target === 'vmlinux' || modules.has(target),
    },
    release: manifest.release,
    version: manifest.version,
    get symbols() {
      return kallsyms.symbols;
    },
    moduleFile: async () => undefined,
    prepare: async () => {},
    withModules: (given) => ({
      ...files,
      moduleFile: async (name) => {
        const file = given.read(name);
        return file && new ElfObject(file.data, file.path);
      },
    }),
  };
  return files;
}

function readPart(
  directory: string,
  manifest: CaptureManifest,
  name: typeof KALLSYMS | typeof MEMORY,
): Buffer {
  let file: Buffer;
  try {
    file = readFileSync(join(directory, name));
  } catch (cause) {
    throw badCapture(directory, `${name} cannot be read`, cause);
  }
  if (sha256(file) !== manifest.sha256[name]) {
    throw badCapture(directory, `${name} was altered or cut short`);
  }
  try {
    return gunzipSync(file, { maxOutputLength: MAX_SIZE });
  } catch (cause) {
    throw badCapture(directory, `${name} cannot be decompressed`, cause);
  }
}

function cutRegions(directory: string, manifest: CaptureManifest, memory: Buffer): Region[] {
  const regions: Region[] = [];
  let offset = 0;
  let end = 0n;
  for (const { address, size, what } of manifest.regions) {
    const start = BigInt(address);
    if (start < end || offset + size > memory.length) {
      throw badCapture(directory, `region "${what}" does not fit`);
    }
    const bytes = memory.subarray(offset, offset + size);
    regions.push({ address: start, size, bytes: () => bytes });
    offset += size;
    end = start + BigInt(size);
  }
  if (offset !== memory.length)
    throw badCapture(directory, `${MEMORY} is longer than it should be`);
  return regions;
}
