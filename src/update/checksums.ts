// SHA256SUMS: a line for every other file of an update, as sha256sum writes it.
// It finds damage. Deceit is found by its signature: whoever can alter a file can alter this one too.

import { createHash } from 'node:crypto';
import { pathFault } from './archive.js';
import { quote } from './contents.js';

/** The name of the file itself. */
export const CHECKSUMS = 'SHA256SUMS';
/** Its signature, by `ssh-keygen -Y sign`; it need not be there. */
export const SIGNATURE = 'SHA256SUMS.sig';

const NOT_LISTED: readonly string[] = [CHECKSUMS, SIGNATURE];

/** The text of SHA256SUMS for files by their path in the update. */
export function formatChecksums(files: ReadonlyMap<string, Uint8Array>): string {
  return [...files]
    .filter(([path]) => !NOT_LISTED.includes(path))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, data]) => `${sha256(data)}  ${path}\n`)
    .join('');
}

/** Compares an update's files with its SHA256SUMS; every fault found, as sentences. */
export function checksumFaults(files: ReadonlyMap<string, Buffer>): string[] {
  const text = files.get(CHECKSUMS)?.toString('utf8');
  if (text === undefined) return [`${CHECKSUMS} is missing`];
  const faults: string[] = [];
  const listed = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, sum, path] = /^([0-9a-f]{64})[ ][ *](.+)$/.exec(line) ?? [];
    if (sum === undefined || path === undefined) {
      faults.push(`${CHECKSUMS} has a line that is no checksum: ${quote(line)}`);
      continue;
    }
    listed.add(path);
    const data = files.get(path);
    if (!data) faults.push(`${pathFault(path) ? quote(path) : path} is missing`);
    else if (sha256(data) !== sum) faults.push(`${path} was altered or damaged`);
  }
  for (const path of files.keys()) {
    if (!NOT_LISTED.includes(path) && !listed.has(path))
      faults.push(`${path} is not in ${CHECKSUMS}`);
  }
  return faults;
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
