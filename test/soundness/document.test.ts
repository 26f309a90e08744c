// docs/soundness.md has the kinds of the list, as the list has them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../support/scratch.js';
import { rowOf, seenOf, soundnessDocument } from './document.js';
import { groups } from './kinds.js';

const document = readFileSync(join(ROOT, 'docs', 'soundness.md'), 'utf8');
const kinds = groups.flatMap((group) => group.kinds);

it('is what the runner makes of the list', () => {
  expect(document).toBe(soundnessDocument(groups, document, new Map()));
});

it('says of each kind what was seen', () => {
  expect(kinds.filter((kind) => seenOf(document, kind) === 'not yet')).toEqual([]);
});

it('has what was wrong, and keeps what it has of kinds that did not run', () => {
  const [first, second] = kinds;
  const outcomes = new Map([[first!, ['guest: a | b', 'no\nmore']]]);
  const text = soundnessDocument(groups, document, outcomes);
  expect(text).toContain(`| ${rowOf(first!).join(' | ')} | **guest: a \\| b; no more** |`);
  expect(seenOf(text, second!)).toBe(seenOf(document, second!));
  expect(seenOf(soundnessDocument(groups, text, new Map([[first!, []]])), first!)).toBe(
    'as it should be',
  );
  expect(seenOf(soundnessDocument(groups, '', new Map()), second!)).toBe('not yet');
});
