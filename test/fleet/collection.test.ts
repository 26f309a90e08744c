// The collection as Ansible's own programs see it: it is built, installed, documented and without
// complaints of the linter and of those sanity tests that need no network.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SOURCE = resolve(import.meta.dirname, '../../ansible');
/** The others download programs. */
const SANITY = [
  'action-plugin-docs',
  'changelog',
  'compile',
  'empty-init',
  'future-import-boilerplate',
  'line-endings',
  'metaclass-boilerplate',
  'no-assert',
  'no-illegal-filenames',
  'no-main-display',
  'no-smart-quotes',
  'shebang',
  'symlinks',
  'use-argspec-type-path',
];

const home = mkdtempSync(join(tmpdir(), 'fleet-collection-'));
const installed = join(home, 'collections/ansible_collections/ksplice_ts/fleet');
const env = {
  HOME: home,
  ANSIBLE_COLLECTIONS_PATH: join(home, 'collections'),
  ANSIBLE_NOCOLOR: '1',
  LC_ALL: 'C.UTF-8',
};
const call = (program: string, words: string[], cwd = installed) =>
  execa(program, words, { cwd, env, all: true });

describe('the collection', { timeout: 240_000 }, () => {
  beforeAll(async () => {
    await call('ansible-galaxy', ['collection', 'build', SOURCE, '--output-path', home], home);
    const built = readdirSync(home).filter((name) => /^ksplice_ts-fleet-.*\.tar\.gz$/.test(name));
    expect(built).toHaveLength(1);
    const words = ['collection', 'install', '--offline', join(home, built[0] as string)];
    await call('ansible-galaxy', [...words, '-p', join(home, 'collections')], home);
  }, 120_000);
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('has its modules documented', async () => {
    const names = ['ksplice_update', 'ksplice_info', 'ksplice_capture', 'rollout_step'];
    for (const name of names) {
      const { stdout } = await call('ansible-doc', ['-j', `ksplice_ts.fleet.${name}`]);
      expect(Object.values(JSON.parse(stdout))).toMatchObject([
        { doc: { short_description: expect.any(String) }, examples: expect.stringContaining(name) },
      ]);
    }
  });

  it('is lint-free', async () => {
    const { all } = await call('ansible-lint', ['--offline', '--nocolor']);
    expect(all).toContain('Passed with production profile: 0 failure(s), 0 warning(s)');
  });

  it('passes the sanity tests', async () => {
    // They look at what git knows.
    const place = join(home, 'sane/ansible_collections/ksplice_ts/fleet');
    mkdirSync(place, { recursive: true });
    cpSync(SOURCE, place, { recursive: true });
    await call('git', ['init', '--quiet'], place);
    await call('git', ['add', '--all'], place);
    const python = await call('python3', [
      '-c',
      'import sys; print("%d.%d" % sys.version_info[:2])',
    ]);
    const words = ['sanity', '--local', '--python', python.stdout];
    await call('ansible-test', [...words, ...SANITY.flatMap((one) => ['--test', one])], place);
  });
});
