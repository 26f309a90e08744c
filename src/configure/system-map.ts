// System.map: the distribution's, where it ships one, else out of the image.

import { join } from 'node:path';
import { machine } from '../arch/index.js';
import { KspliceError, type Problem } from '../base/errors.js';
import { howToFetch } from '../kernel/image-packages.js';
import { formatSystemMap, isPlaceholder, parseKallsyms } from '../kernel/kallsyms-text.js';
import type { KernelFiles } from '../kernel/kernel-in-files.js';
import type { KernelSymbol } from '../kernel/symbols.js';
import { readText } from './texts.js';

/** The map's text, and where it came from. */
export interface SystemMap {
  readonly text: string;
  readonly origin: string;
}

/**
 * @param image the user's, or undefined
 * @param built the map beside the headers, where the kernel was built
 * @throws KspliceError `no-image` if there is neither a map nor an image
 */
export function findSystemMap(
  release: string,
  image: { path: string; files: KernelFiles } | undefined,
  built: string | undefined,
): SystemMap {
  const places = [
    ...(built ? [built] : []),
    ...(image ? [join(image.path, `boot/System.map-${release}`)] : []),
    `/boot/System.map-${release}`,
    `/usr/lib/debug/boot/System.map-${release}`,
  ];
  for (const origin of places) {
    const text = readText(origin, 'latin1');
    if (text !== undefined && !isPlaceholder(text)) return { text, origin };
  }
  if (image) {
    return { text: formatSystemMap(withoutSlide(image.files.symbols)), origin: image.path };
  }
  throw new KspliceError('no-image', `there is no System.map of ${release}, and no kernel image`, {
    advice: howToFetch(release),
  });
}

/**
 * A map of another build of the same release would bind new code to the wrong places.
 * @param symbols of the image
 */
export function mapProblem(map: SystemMap, symbols: readonly KernelSymbol[]): Problem | undefined {
  const named = new Map<string, Set<bigint>>();
  for (const { name, address } of parseKallsyms(map.text, map.origin, 'bad-confdir').symbols) {
    named.set(name, (named.get(name) ?? new Set()).add(address));
  }
  const wrong = withoutSlide(symbols).find(
    ({ name, address }) => named.get(name)?.has(address) === false,
  );
  if (!wrong) return undefined;
  const at = [...named.get(wrong.name)!].map((address) => address.toString(16)).join(' and ');
  return {
    code: 'kernel-mismatch',
    message: `${map.origin} is of another build than the image: ${wrong.name} is at ${at} in one, at ${wrong.address.toString(16)} in the other`,
    advice: 'Build the kernel again, or name the image that belongs to the map with --image.',
  };
}

/** A captured kernel was moved by KASLR; a map has the addresses of the link. */
function withoutSlide(symbols: readonly KernelSymbol[]): readonly KernelSymbol[] {
  const start = symbols.find(({ name }) => name === '_text')?.address ?? machine.memory.link;
  const slide = start - machine.memory.link;
  if (slide === 0n) return symbols;
  return symbols.map((symbol) =>
    symbol.address < machine.memory.kernel
      ? symbol
      : { ...symbol, address: symbol.address - slide },
  );
}
