// The manual page and the README against what --help says.

import { readFileSync } from 'node:fs';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { commandNames } from '../../src/cli/commands.js';
import { manualPage } from '../../src/cli/man.js';
import { parseCommandLine } from '../../src/cli/parse.js';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const page = read('man/ksplice-ts.1');

const COMMON = ['--help', '--json', '--quiet', '--verbose'];

/** Long options in a command's help, without the common ones. */
async function helpOptions(name: string): Promise<string[]> {
  const request = await parseCommandLine([name, '--help']);
  if (request.kind !== 'help') throw new Error(`${name} --help is no help`);
  const found = [
    ...request.text.split('\nExamples:')[0]!.matchAll(/^ +(?:-\w, )?(--[a-z-]+)/gm),
  ].map(([, option]) => option);
  return found.filter((option) => !COMMON.includes(option as string)).sort() as string[];
}

/** Long options that the page has for a command. */
function pageOptions(name: string): string[] {
  const [, section = ''] =
    new RegExp(`^\\.SS ${name}\\b([^]*?)(?=^\\.S[SH] )`, 'm').exec(page) ?? [];
  const plain = section.replaceAll('\\-', '-');
  return [...plain.matchAll(/^\.BI "(?:-\w, )?(--[a-z-]+)"/gm)].map(([, o]) => o as string).sort();
}

describe('man/ksplice-ts.1', () => {
  it('has every option of every command, and no other', async () => {
    for (const name of commandNames) {
      expect({ name, options: pageOptions(name) }).toEqual({
        name,
        options: await helpOptions(name),
      });
    }
    expect(pageOptions('create').length).toBeGreaterThan(15);
  });

  it('is what its frame and the commands make (else: npm run build)', async () => {
    expect(page).toBe(await manualPage(read('man/ksplice-ts.1.in')));
  });

  it('is sound to groff', async () => {
    const { stdout, stderr } = await execa('groff', ['-man', '-Tutf8', '-ww', '-z'], {
      input: page,
    });
    expect(stdout + stderr).toBe('');
  });
});

describe("README's table of ksplice's options", () => {
  it('names options of create that there are, and all of them', async () => {
    const [, table = ''] =
      /^\| ksplice-create \|.*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(read('README.md')) ?? [];
    const named = new Set<string>();
    for (const row of table.trim().split('\n')) {
      const [, theirs = '', ours = ''] = row.split('|');
      const column = ours.includes('the same') ? theirs : ours;
      for (const [option] of column.matchAll(/--[a-z-]+/g)) named.add(option);
    }
    const options = await helpOptions('create');
    expect([...named].filter((option) => !options.includes(option))).toEqual([]);
    expect(options.filter((option) => !named.has(option))).toEqual(['--output']);
  });
});
