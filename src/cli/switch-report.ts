// What apply, undo and view have in common on the command line.

import type { ReplacedFunction } from '../apply/core.js';

/** `--timeout` */
export const timeoutOption = {
  type: 'number',
  default: 30,
  describe: 'Seconds to go on trying while the code is in use',
} as const;

/** The replaced functions, a line for each target. */
export function functionLines(functions: readonly ReplacedFunction[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { target, name } of functions) {
    targets.set(target, [...(targets.get(target) ?? []), name]);
  }
  return [...targets].map(([target, names]) => `  ${target}: ${names.join(', ')}`);
}

/** How long the machine stood still, if the core says so. */
export function pauseLine(timing: Record<string, number>): string[] {
  const { window_ns } = timing;
  if (window_ns === undefined) return [];
  return [`  The machine was stopped for ${(window_ns / 1e6).toFixed(2)} ms.`];
}
