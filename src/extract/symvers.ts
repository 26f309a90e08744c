// Module.symvers: the exported symbols of a kernel build, a line each:
// CRC, symbol, module ("vmlinux" or a path without .ko), kind of export,
// namespace; separated by tabs.

import { KspliceError } from '../base/errors.js';
import { moduleName } from '../module/loaded-name.js';

export interface ExportedSymbol {
  /** "vmlinux", or the module's name with underscores: "nf_conntrack". */
  readonly module: string;
  /** '' if it is in none. */
  readonly namespace: string;
}

/**
 * Reads a Module.symvers.
 * @param origin for messages: the file
 * @throws KspliceError `no-headers` for a line that is none
 */
export function parseSymvers(text: string, origin: string): Map<string, ExportedSymbol> {
  const exports = new Map<string, ExportedSymbol>();
  text.split('\n').forEach((line, index) => {
    if (line === '') return;
    const [crc, name, module, kind, namespace] = line.split('\t');
    if (!/^0x[0-9a-f]{8}$/.test(crc ?? '') || !name || !module || !kind?.startsWith('EXPORT_')) {
      throw new KspliceError('no-headers', `${origin}:${index + 1}: not a line of Module.symvers`, {
        advice: "The kernel's headers are damaged; install their package again.",
      });
    }
    exports.set(name, { module: moduleName(module), namespace: namespace ?? '' });
  });
  return exports;
}
