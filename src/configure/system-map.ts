// System.map: the distribution's, where it ships one, else out of the image.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../errors.js';
import { formatSystemMap, isPlaceholder } from '../run/kallsyms-text.js';
import type { KernelFiles } from '../run/kernel-files.js';
import type { KernelSymbol } from '../run/symbols.js';

/** The map's text, and where it came from. */
export interface SystemMap {
  readonly text: string;
  readonly origin: string;
}

/**
 * @param image the user's, or undefined
 * @throws KspliceError `no-image` if there is neither a map nor an image
 */
export function findSystemMap(
  release: string,
  image: { path: string; files: KernelFiles } | undefined,
): SystemMap {
  const places = [
    ...(image ? [join(image.path, `boot/System.map-${release}`)] : []),
    `/boot/System.map-${release}`,
    `/usr/lib/debug/boot/System.map-${release}`,
  ];
  for (const origin of places) {
    const text = readText(origin);
    if (text !== undefined && !isPlaceholder(text)) return { text, origin };
  }
  if (image) {
    return { text: formatSystemMap(withoutSlide(image.files.symbols)), origin: image.path };
  }
  throw new KspliceError('no-image', `there is no System.map of ${release}, and no kernel image`, {
    advice: `Fetch the image (it need not be installed): apt-get download linux-image-${release}-unsigned, and name the .deb with --image.`,
  });
}

const KERNEL_MAP = 0xffffffff80000000n;
/** Where x86-64 kernels are linked: CONFIG_PHYSICAL_START in the kernel's mapping. */
const LINK_START = KERNEL_MAP + 0x1000000n;

/** A captured kernel was moved by KASLR; a map has the addresses of the link. */
function withoutSlide(symbols: readonly KernelSymbol[]): readonly KernelSymbol[] {
  const start = symbols.find(({ name }) => name === '_text')?.address ?? LINK_START;
  const slide = start - LINK_START;
  if (slide === 0n) return symbols;
  return symbols.map((symbol) =>
    symbol.address < KERNEL_MAP ? symbol : { ...symbol, address: symbol.address - slide },
  );
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
