// A confdir's `flags`: what its owner wants on make's command line.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../arch/index.js';
import { KspliceError } from '../base/errors.js';

// What would make another kernel's code, or mislead kbuild.
const REFUSED: readonly (readonly [flag: RegExp, reason: string, advice: string])[] = [
  [
    /^K[CA]FLAGS=.*-flto\b/,
    'functions would be compiled when the kernel is linked, not object by object',
    'Such a kernel cannot be patched. Leave the flag out if the running kernel was built without it.',
  ],
  [
    /^(O|KBUILD_OUTPUT)=/,
    'kbuild works in a directory of the cache',
    'Make the link `build` point to the directory that O= named when the kernel was built.',
  ],
  [
    new RegExp(`^ARCH=(?!(${machine.tree.names.join('|')})$)`),
    `only ${machine.label} is supported`,
    'Leave it out.',
  ],
];

/** A word as a shell has it: quotes keep spaces together. */
const WORD = /(?:"[^"]*"|'[^']*'|[^\s"'])+/g;

/** @param where for messages: "conf/flags:2" */
function wordsOf(line: string, where: string): string[] {
  const [quote] = line.replaceAll(WORD, '').match(/["']/) ?? [];
  if (quote === undefined) return line.match(WORD) ?? [];
  throw new KspliceError(
    'bad-confdir',
    `${where}: a quote ${quote} is not closed: ${line.trim()}`,
    {
      advice:
        'Put a second one at the end of the word, in the same line: KCFLAGS="-O2 -march=native".',
    },
  );
}

/**
 * The directory's make flags: words, with quotes as in a shell; lines that start with # are
 * skipped; none if there is no file.
 * @throws KspliceError `bad-confdir` for one that cannot be supported, with the reason, and for a
 *   quote that is not closed
 */
export function readFlags(dir: string): string[] {
  let text: string;
  try {
    text = readFileSync(join(dir, 'flags'), 'utf8');
  } catch {
    return [];
  }
  const file = join(dir, 'flags');
  const flags = text
    .split('\n')
    .flatMap((line, index) => (line.startsWith('#') ? [] : wordsOf(line, `${file}:${index + 1}`)))
    .map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
  for (const flag of flags) {
    const [, reason, advice] = REFUSED.find(([pattern]) => pattern.test(flag)) ?? [];
    if (reason === undefined || advice === undefined) continue;
    throw new KspliceError('bad-confdir', `${file}: ${flag}: ${reason}`, { advice });
  }
  return flags;
}
