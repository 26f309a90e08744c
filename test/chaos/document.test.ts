// The table of what chaos found.

import { expect, it } from 'vitest';
import { chaosDocument, type Row } from '../vm/chaos/document.js';

const row: Row = {
  kernel: 'stock',
  release: '5.9.0-9-amd64',
  append: '',
  seed: 7,
  minutes: 10,
  actions: 400,
  switches: 90,
  finding: 'none',
};
const rowsOf = (text: string) =>
  text.split('\n').filter((line) => /^\| (?!kernel )[^-]/.test(line));

it('has the last run of each kernel and its options', () => {
  let text = chaosDocument('', row);
  text = chaosDocument(text, { ...row, append: 'preempt=full', seed: 8 });
  text = chaosDocument(text, { ...row, kernel: 'rt', actions: undefined, switches: undefined });
  text = chaosDocument(text, { ...row, release: '5.9.0-10-amd64', finding: 'a | b' });
  expect(rowsOf(text)).toEqual([
    '| stock | 5.9.0-10-amd64 |  | 7 | 10 | 400 | 90 | a \\| b |',
    '| stock | 5.9.0-9-amd64 | `preempt=full` | 8 | 10 | 400 | 90 | none |',
    '| rt | 5.9.0-9-amd64 |  | 7 | 10 | ? | ? | none |',
  ]);
});
