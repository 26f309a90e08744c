// Packages of updates for run.sh: revisions 1 and 2 of one update.

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildPackage } from '../../src/package/deb.js';
import { updatePackage } from '../../src/package/update-package.js';
import { readUpdate } from '../../src/update/read.js';
import { writeUpdate } from '../../src/update/write.js';
import { makeSample, withDirectory } from '../update/sample.js';

const output = process.argv[2] as string;
const { signal } = new AbortController();
for (const revision of [1, 2]) {
  await withDirectory(async (where) => {
    const { directory } = await makeSample(where, {
      id: 'a1',
      targets: ['vmlinux'],
      release: '6.9.0-none',
      answer: `4${revision}`,
    });
    await writeFile(join(directory, 'build-id'), `${'ab'.repeat(20)}\n`);
    const archive = join(where, 'ksplice-a1.tar.gz');
    await writeUpdate(directory, archive);
    const options = { kernelVersion: '6.9-1', revision, maintainer: 'A <a@example.org>' };
    const plan = updatePackage(await readUpdate(archive), readFileSync(archive), options);
    await buildPackage(plan, output, signal);
  });
}
