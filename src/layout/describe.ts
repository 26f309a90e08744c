// What is said of types that change.

import type { Refusal } from '../base/errors.js';
import type { LayoutChange } from './guard.js';

/** What create says to those that are refused. */
export function layoutRefusals(changes: readonly LayoutChange[]): Refusal[] {
  return changes
    .filter(({ verdict }) => verdict === 'refused')
    .map(({ name, objects, reasons, notes, lines, alive }) => ({
      code: 'layout-changed',
      object: objects.join(', '),
      symbol: name,
      message: [
        `${reasons.join('; ')}.`,
        ...(alive.length > 0 ? [`  Where they may be: ${alive.join('; ')}.`] : []),
        ...notes.map((note) => `  Note: ${note}.`),
        ...lines.map((line) => `    ${line}`),
      ].join('\n'),
      advice: name.startsWith('the function ')
        ? 'Keep the function as it is, and give the new one another name; or promise with --allow-layout "the function NAME" that nobody else calls it.'
        : 'Existing objects keep their layout. Put the new members into a hole or a shadow variable (docs/layout.md), or promise with --allow-layout TYPE that the new code never meets an existing object.',
    }));
}

/** What is said of the others. */
export function layoutNotes(changes: readonly LayoutChange[]): string[] {
  return changes.flatMap(({ name, objects, verdict, reasons, notes }) => {
    const head = `${objects.join(', ')}: ${name}`;
    if (verdict === 'fits') return notes.map((note) => `${head}: ${note}`);
    if (verdict === 'on stacks') {
      return [
        `${head} changes (${reasons.join('; ')}), and is only on stacks of functions that are replaced`,
      ];
    }
    if (verdict === 'allowed') {
      return [`${head} changes, as its author allows: ${reasons.join('; ')}`];
    }
    return [];
  });
}
