// Where kmodsrc/ and templates/ are: beside package.json, whether this runs from
// src/ or from dist/.

import { existsSync } from 'node:fs';

function findRoot(): URL {
  let directory = new URL('./', import.meta.url);
  while (!existsSync(new URL('package.json', directory))) {
    const above = new URL('../', directory);
    if (above.href === directory.href) throw new Error('no package.json above this file');
    directory = above;
  }
  return directory;
}

/** URL of the package's directory, with a slash at its end. */
export const packageRoot: URL = findRoot();
