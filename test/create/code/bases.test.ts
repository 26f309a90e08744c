// Updates below, as they are read from their archives.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { silentUi } from '../../../src/base/ui.js';
import { Layers } from '../../../src/create/change/layers.js';
import { SourceTexts } from '../../../src/create/change/texts.js';
import { readBases } from '../../../src/create/code/bases.js';
import { writeUpdate } from '../../../src/update/write.js';
import { makeSample, RELEASE, withDirectory } from '../../update/sample.js';

it('apply to source with letters beyond ASCII', async () => {
  await withDirectory(async (where) => {
    await mkdir(join(where, 'tree/net'), { recursive: true });
    await writeFile(join(where, 'tree/net/a.c'), '/* Müller */\none\n');
    const { directory } = await makeSample(where);
    const patch = '--- a/net/a.c\n+++ b/net/a.c\n@@ -1,2 +1,2 @@\n /* Müller */\n-one\n+zwölf\n';
    await writeFile(join(directory, 'patch'), patch);
    const archive = join(where, 'below.tar.gz');
    await writeUpdate(directory, archive);
    const bases = await readBases([archive], RELEASE);
    const [file] = new Layers(new SourceTexts(join(where, 'tree')), bases, silentUi).changed();
    expect(Buffer.from(file?.after ?? '', 'latin1').toString()).toBe('/* Müller */\nzwölf\n');
  });
});
