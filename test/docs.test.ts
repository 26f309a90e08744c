// The pages in docs/: each says whom it is for, the index lists all of them, and the files
// of the program that they name exist.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './support/scratch.js';

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const pages = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));

describe('docs/', () => {
  it.each(pages.filter((name) => name !== 'README.md'))('%s says whom it is for', (name) => {
    expect(read(`docs/${name}`)).toMatch(/^# .+\n\n\*For .+/);
  });

  it('has an index with every page', () => {
    const listed = [...read('docs/README.md').matchAll(/\]\(([\w.-]+\.md)\)/g)].map(([, to]) => to);
    expect(pages.filter((name) => name !== 'README.md' && !listed.includes(name))).toEqual([]);
  });

  it.each([...pages.map((name) => `docs/${name}`), 'README.md'])(
    '%s names files that exist',
    (name) => {
      // The change log speaks of files as they were.
      if (name.endsWith('CHANGELOG.md')) return;
      const named = read(name).matchAll(
        /`((?:src|kmodsrc|templates|test)\/[\w./-]+\.(?:ts|c|h|json|config|service))`/g,
      );
      const files = [...new Set([...named].map(([, file]) => file as string))];
      expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    },
  );
});

describe('the table of files in docs/design.md', () => {
  it('names files that exist, a plain name beside the one before it', () => {
    const [, table = ''] = read('docs/design.md').split('\n### Which file decides what\n');
    const rows = table.split('\n## ')[0]?.match(/^\| .+ \|$/gm) ?? [];
    expect(rows.length).toBeGreaterThan(25);
    for (const row of rows) {
      let folder = '';
      for (const [, file = ''] of row.matchAll(/`([\w./-]+\.(?:ts|c))`/g)) {
        const path = file.includes('/') ? file : join(folder, file);
        folder = join(path, '..');
        expect(existsSync(join(ROOT, path)), `${path} in: ${row}`).toBe(true);
      }
    }
  });
});
