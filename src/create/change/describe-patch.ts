// One line about a patch, from the patch itself.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** What the patch says of itself: a mail's or commit's subject, else its file name. */
export function describePatch(file: string): string {
  const head = readFileSync(file, 'utf8').split(/^(?:---|diff )/m, 1)[0] ?? '';
  const subject = /^Subject: *((?:.|\n[ \t])*)$/m.exec(head)?.[1];
  const text = subject
    ?.replace(/\s+/g, ' ')
    .replace(/^(\[[^\]]*\] *)+/, '')
    .trim();
  return text || basename(file);
}
