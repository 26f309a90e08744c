import { describe, expect, it } from 'vitest';
import { readPatchOptions } from '../../../src/create/change/patch-options.js';

const USUAL = { strip: undefined, fuzz: 2, ignoreWhitespace: false, reverse: false };

describe('readPatchOptions', () => {
  it.each([
    [[], USUAL],
    [['-p1'], { ...USUAL, strip: 1 }],
    [['-p 0'], { ...USUAL, strip: 0 }],
    [['--strip=2'], { ...USUAL, strip: 2 }],
    [['-F', '3'], { ...USUAL, fuzz: 3 }],
    [['-F0'], { ...USUAL, fuzz: 0 }],
    [['--fuzz=1', '--fuzz 4'], { ...USUAL, fuzz: 4 }],
    [['-R -l'], { ...USUAL, reverse: true, ignoreWhitespace: true }],
    [['--reverse', '--ignore-whitespace'], { ...USUAL, reverse: true, ignoreWhitespace: true }],
  ])('%j', (given, expected) => {
    expect(readPatchOptions(given)).toEqual(expected);
  });

  it.each([
    [['-E'], '--patch-opt: -E is not supported'],
    [['--dry-run'], '--patch-opt: --dry-run is not supported'],
    [['-R1'], '--patch-opt: -R1 is not supported'],
    [['p1'], '--patch-opt: p1 is not supported'],
    [['-p'], 'the patch option -p needs a number from 0 up'],
    [['-F', '-l'], 'the patch option -F needs a number from 0 up'],
    [['--fuzz=many'], 'the patch option --fuzz needs a number from 0 up'],
  ])('refuses %j', (given, message) => {
    expect(() => readPatchOptions(given)).toThrow(
      expect.objectContaining({ code: 'usage', message }),
    );
  });
});
