// Symbols as text: /proc/kallsyms ("ADDRESS TYPE NAME", and "[MODULE]" where
// the symbol is a module's) and System.map, which is the same without modules.

import { readFileSync } from 'node:fs';
import { type ErrorCode, KspliceError } from '../errors.js';
import { type KernelSymbol, SymbolIndex } from './symbols.js';

/** kallsyms of a running kernel, the kernel proper and each module apart. */
export class Kallsyms {
  /** Of the kernel proper, in the order of the text: by address. */
  readonly symbols: KernelSymbol[] = [];
  private readonly all = new SymbolIndex();
  private readonly parts = new Map<string, SymbolIndex>();

  add(symbol: KernelSymbol, module: string): void {
    let part = this.parts.get(module);
    if (!part) {
      part = new SymbolIndex();
      this.parts.set(module, part);
    }
    part.add(symbol.name, symbol.address);
    this.all.add(symbol.name, symbol.address);
    if (module === 'vmlinux') this.symbols.push(symbol);
  }

  /** Addresses of a name in a module, in "vmlinux", or everywhere. */
  lookup(name: string, module?: string): readonly bigint[] {
    if (module === undefined) return this.all.lookup(name);
    return this.parts.get(module)?.lookup(name) ?? [];
  }
}

const LINE = /^([0-9a-f]{1,16}) ([A-Za-z?]) (\S+)(?:\s+\[(\S+)\])?$/;

/**
 * @param code of the error that a malformed line gives
 * @throws KspliceError of that code, naming the line
 */
export function parseKallsyms(text: string, origin: string, code: ErrorCode): Kallsyms {
  const kallsyms = new Kallsyms();
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    if (line === '') continue;
    const [, address, type, name, module] = LINE.exec(line) ?? [];
    if (address === undefined) {
      throw new KspliceError(code, `${origin}: line ${number} is no symbol`, {
        advice: 'The file is damaged; make it again.',
      });
    }
    const symbol = { name: name!, type: type!, address: BigInt(`0x${address}`) };
    kallsyms.add(symbol, module ?? 'vmlinux');
  }
  return kallsyms;
}

/**
 * Reads a System.map.
 * @throws KspliceError `bad-confdir` if it cannot be read, is malformed, or is
 *   the placeholder that Debian's image packages hold
 */
export function readSystemMap(path: string): KernelSymbol[] {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (cause) {
    throw new KspliceError('bad-confdir', `cannot read ${path}`, { cause });
  }
  if (isPlaceholder(text)) {
    throw new KspliceError('bad-confdir', `${path} holds no symbols`, {
      advice: 'It is a placeholder; `ksplice-ts configure` takes the real one out of the image.',
    });
  }
  return parseKallsyms(text, path, 'bad-confdir').symbols;
}

/** Debian's image packages hold one line in the place of System.map: where to find it. */
export function isPlaceholder(systemMap: string): boolean {
  return !LINE.test(systemMap.slice(0, systemMap.indexOf('\n')));
}

/** The text of a System.map. */
export function formatSystemMap(symbols: readonly KernelSymbol[]): string {
  return symbols
    .map(({ address, type, name }) => `${address.toString(16).padStart(16, '0')} ${type} ${name}\n`)
    .join('');
}
