// How patches are applied: the options of patch(1) that mean something where
// no file is written and nobody is asked.

import { KspliceError } from '../../base/errors.js';
import { type Fit, USUAL_FIT } from './apply-hunks.js';

export interface PatchOptions extends Fit {
  /** Leading directories to take off the names; found out if undefined. */
  readonly strip: number | undefined;
  /** The patches are taken back, not applied. */
  readonly reverse: boolean;
}

export const USUAL_PATCH_OPTIONS: PatchOptions = { ...USUAL_FIT, strip: undefined, reverse: false };

const NUMBER_OPTIONS: Readonly<Record<string, 'strip' | 'fuzz'>> = {
  '-p': 'strip',
  '--strip': 'strip',
  '-F': 'fuzz',
  '--fuzz': 'fuzz',
};

const SWITCHES: Readonly<Record<string, 'reverse' | 'ignoreWhitespace'>> = {
  '-R': 'reverse',
  '--reverse': 'reverse',
  '-l': 'ignoreWhitespace',
  '--ignore-whitespace': 'ignoreWhitespace',
};

/**
 * Reads options as patch(1) takes them; of two that disagree the later one counts.
 * @param given each one or more words: "-p1", "--fuzz=3", "-F 3"
 * @throws KspliceError `usage`, naming the option that is not known
 */
export function readPatchOptions(given: readonly string[]): PatchOptions {
  const words = given.flatMap((text) => text.split(/\s+/)).filter((word) => word !== '');
  const options = { ...USUAL_PATCH_OPTIONS };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const toggle = SWITCHES[word];
    const [, name = '', attached] = /^(--\w+(?==)|--\w+$|-\w)=?(.*)$/.exec(word) ?? [];
    const number = NUMBER_OPTIONS[name];
    if (toggle) options[toggle] = true;
    else if (number) options[number] = readNumber(name, attached || words.shift());
    else throw unknown(word);
  }
  return options;
}

function readNumber(option: string, text: string | undefined): number {
  if (text !== undefined && /^\d{1,4}$/.test(text)) return Number(text);
  throw new KspliceError('usage', `the patch option ${option} needs a number from 0 up`, {
    advice: `Write it together: --patch-opt=${option}${option.startsWith('--') ? '=' : ''}1`,
  });
}

function unknown(word: string): KspliceError {
  return new KspliceError('usage', `--patch-opt: ${word} is not supported`, {
    advice:
      'The supported options are: -pN (--strip=N), -F N (--fuzz=N), -R (--reverse), -l (--ignore-whitespace).',
  });
}
