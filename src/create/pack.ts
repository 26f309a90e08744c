// Puts an update's files together and packs them.

import { randomInt } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { KspliceError } from '../errors.js';
import { type Contents, formatContents, isUpdateId } from '../update/contents.js';
import { API_VERSION } from '../update/update.js';
import { writeUpdate } from '../update/write.js';
import type { Report } from './report.js';

export interface UpdateParts {
  readonly id: string;
  readonly contents: Contents;
  /** Directory that holds the files that `contents` names. */
  readonly modules: string;
  /** The user's patch file. */
  readonly patch: string;
  readonly description: string;
  readonly report: Report;
}

/**
 * @param stage an empty directory
 * @param output directory for the tarball, made if need be
 * @returns path of `ksplice-ID.tar.gz`
 * @throws KspliceError `io`, `bad-update`
 */
export async function packUpdate(
  parts: UpdateParts,
  stage: string,
  output: string,
): Promise<string> {
  const { id, contents, report } = parts;
  const directory = join(stage, `ksplice-${id}`);
  mkdirSync(join(directory, 'debug'), { recursive: true });
  const put = (name: string, text: string) => writeFileSync(join(directory, name), text);
  put('contents', formatContents(contents));
  put('description', `${parts.description}\n`);
  put('api-version', `${API_VERSION}\n`);
  put('timestamp', `${new Date().toISOString()}\n`);
  put('utsname', `Linux ${report.release} x86_64\n`);
  put('debug/report.json', `${JSON.stringify(report, null, 2)}\n`);
  copyFileSync(parts.patch, join(directory, 'patch'));
  const { core, changes } = contents;
  for (const { file } of [core, ...changes.flatMap((change) => [change.newCode, change.oldCode])]) {
    copyFileSync(join(parts.modules, file), join(directory, file));
  }
  try {
    mkdirSync(output, { recursive: true });
  } catch (error) {
    throw new KspliceError('io', `cannot make ${output}: ${(error as Error).message}`, {
      advice: 'Give another directory with --output.',
      cause: error,
    });
  }
  const archive = join(output, `ksplice-${id}.tar.gz`);
  await writeUpdate(directory, archive);
  return archive;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * The user's id, or a new random one.
 * @throws KspliceError `usage`
 */
export function chooseId(wanted: string | undefined): string {
  if (wanted !== undefined) {
    if (isUpdateId(wanted)) return wanted;
    throw new KspliceError('usage', `"${wanted}" cannot be an update's id`, {
      advice: 'An id is 1 to 16 small letters and digits.',
    });
  }
  return Array.from({ length: 8 }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}

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
