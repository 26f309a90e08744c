// docs/errors.md promises to list everything: it is compared with the code.

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ABORT_CAUSES, abortCause } from '../../src/apply/abort-causes.js';

const read = (name: string) => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');

/** The first column of the table below a heading. */
function firstColumn(document: string, heading: string): string[] {
  const [, section = ''] = document.split(`\n## ${heading}\n`);
  const rows = section.split('\n## ')[0]?.matchAll(/^\| `([a-z_-]+)` \|/gm) ?? [];
  return [...rows].map(([, word]) => word as string);
}

/** The members of a union in errors.ts. */
async function union(name: string): Promise<string[]> {
  const source = await read('src/base/errors.ts');
  const [, members = ''] = new RegExp(`export type ${name} =([^;]*);`).exec(source) ?? [];
  return [...members.matchAll(/'([a-z-]+)'/g)].map(([, code]) => code as string);
}

describe('docs/errors.md', () => {
  it('has a row for each error code, and for no other', async () => {
    const codes = await union('ErrorCode');
    expect(codes.length).toBeGreaterThan(30);
    expect(firstColumn(await read('docs/errors.md'), 'Codes')).toEqual(codes);
  });

  it('has a row for each reason to refuse a change, and for no other', async () => {
    const codes = await union('RefusalCode');
    expect(codes.length).toBeGreaterThan(20);
    expect(firstColumn(await read('docs/errors.md'), 'Reasons to refuse a change')).toEqual(codes);
  });

  it('has the very advice that is given for each abort cause', async () => {
    const document = await read('docs/errors.md');
    for (const { word, code, sentence, advice } of ABORT_CAUSES) {
      expect(document).toContain(`| \`${word}\` | \`${code}\` | ${sentence} | ${advice} |`);
    }
    expect(firstColumn(document, 'Abort causes')).toEqual(ABORT_CAUSES.map(({ word }) => word));
  });
});

describe('ABORT_CAUSES', () => {
  it('has every word that the core can write', async () => {
    const [, table = ''] =
      /cause_names\[[^\]]*\] = \{([^}]*)\}/.exec(await read('kmodsrc/attributes.c')) ?? [];
    const words = [...table.matchAll(/= "([a-z_]+)"/g)].map(([, word]) => word as string);
    expect(words).toContain('code_busy');
    const known = ABORT_CAUSES.map(({ word }) => word);
    for (const word of words) if (word !== 'ok') expect(known).toContain(word);
  });

  it('is not at a loss for a word of a newer core', () => {
    expect(abortCause('brand_new')).toMatchObject({ code: 'aborted', word: 'brand_new' });
  });
});
