// What apply, undo and view have in common on the command line.

import type { ReplacedFunction, Timing } from '../apply/engine.js';
import { milliseconds } from '../base/words.js';
import { type AddressOut, addressInWords } from '../update/addresses-out.js';
import type { Option } from './command.js';

/** `--timeout` */
export const timeoutOption = {
  type: 'number',
  default: 30,
  describe: 'How many seconds to go on trying while the code is in use',
} as const satisfies Option;

/** A line about types, if any change though objects of them may exist. */
export function layoutLines(types: readonly string[]): string[] {
  return types.length === 0 ? [] : [`  changes types that are in use: ${types.join(', ')}`];
}

/** What others may use after undo. */
export function addressLines(addresses: readonly AddressOut[]): string[] {
  return addresses.map((one) => `    ${addressInWords(one)}`);
}

/** The same, of an update that is not undone yet. */
export function keptLines(addresses: readonly AddressOut[]): string[] {
  if (addresses.length === 0) return [];
  return [
    '  undo leaves the new code loaded until the next boot, because others get addresses in it:',
    ...addressLines(addresses),
  ];
}

/** `--allow-busy` */
export const allowBusyOption = {
  type: 'string',
  array: true,
  nargs: 1,
  describe: 'Tasks may be in this function while it is switched (docs/busy.md); may be repeated',
} as const satisfies Option;

/** The functions that an option names, each of which may be a list with commas. */
export function readNames(given: readonly string[] = []): string[] {
  return given.flatMap((text) => text.split(',')).filter((name) => name !== '');
}

/** Which functions may be busy. */
export function busyLines(names: readonly string[]): string[] {
  return names.length > 0 ? [`  may be busy: ${names.join(', ')}`] : [];
}

/** The replaced functions, a line for each target. */
export function functionLines(functions: readonly ReplacedFunction[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { target, name } of functions) {
    targets.set(target, [...(targets.get(target) ?? []), name]);
  }
  return [...targets].map(([target, names]) => `  ${target}: ${names.join(', ')}`);
}

/** The modules that get their part when they are loaded. */
export function waitingLines(targets: readonly string[]): string[] {
  return targets.length > 0 ? [`  when it is loaded: ${targets.join(', ')}`] : [];
}

/** How long the machine stood still, if the core says so. */
export function pauseLine({ window_ns, attempts = 1 }: Timing): string[] {
  if (window_ns === undefined) return [];
  const time = milliseconds(window_ns);
  return [
    `  The machine was stopped for ${time}${attempts > 1 ? `, at attempt ${attempts}` : ''}.`,
  ];
}
