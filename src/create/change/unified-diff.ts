// Changed files as one patch.

import { createTwoFilesPatch } from 'diff';
import { bytesOfText } from '../byte-text.js';
import type { PatchedFile } from './patched-file.js';

/** A diff of all files, as `diff -u` writes it: bytes, one a character. */
export function unifiedDiff(files: readonly PatchedFile[]): string {
  return files
    .map(({ path: name, before, after }) => {
      const path = bytesOfText(name);
      // A file that is empty has no lines that a hunk could have.
      if ((before ?? '') === (after ?? '')) return emptyFile(path, after !== undefined);
      const oldName = before === undefined ? '/dev/null' : `a/${path}`;
      const newName = after === undefined ? '/dev/null' : `b/${path}`;
      const text = createTwoFilesPatch(oldName, newName, before ?? '', after ?? '');
      return text.slice(text.indexOf('--- '));
    })
    .join('');
}

function emptyFile(path: string, isNew: boolean): string {
  return `diff --git a/${path} b/${path}\n${isNew ? 'new' : 'deleted'} file mode 100644\n`;
}
