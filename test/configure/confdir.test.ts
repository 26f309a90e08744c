import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KspliceError, type Problem } from '../../src/base/errors.js';
import { readConfdir } from '../../src/configure/confdir.js';
import { writeConfdir } from '../../src/configure/write.js';
import { configText, headersTree, NEEDED, RELEASE, sourceTree } from './trees.js';

const SYSTEM_MAP = 'ffffffff81000000 T _text\n';

let folder: string;
let conf: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-')));
  conf = path.join(folder, 'conf');
  headersTree(path.join(folder, 'headers'));
  sourceTree(path.join(folder, 'source'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** In the manner of ksplice: only what it needs. */
function handMade(): void {
  mkdirSync(conf);
  writeFileSync(path.join(conf, 'System.map'), SYSTEM_MAP);
  writeFileSync(path.join(conf, '.config'), configText(...NEEDED));
  symlinkSync('../headers', path.join(conf, 'build'));
}

async function refusal(): Promise<KspliceError> {
  try {
    await readConfdir(conf);
  } catch (error) {
    if (error instanceof KspliceError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a confdir made by hand', () => {
  test('needs a map, a configuration and headers, no more', async () => {
    handMade();
    expect(await readConfdir(conf)).toEqual({
      dir: conf,
      release: RELEASE,
      systemMap: path.join(conf, 'System.map'),
      config: path.join(conf, '.config'),
      build: path.join(folder, 'headers'),
      source: undefined,
      image: undefined,
      flags: [],
    });
  });

  test('may name source, image and flags', async () => {
    handMade();
    symlinkSync(path.join(folder, 'source'), path.join(conf, 'source'));
    symlinkSync(folder, path.join(conf, 'image'));
    writeFileSync(path.join(conf, 'flags'), '# mine\nCC=gcc-12   W=1\n\nV=1\n');
    expect(await readConfdir(conf)).toMatchObject({
      source: path.join(folder, 'source'),
      image: folder,
      flags: ['CC=gcc-12', 'W=1', 'V=1'],
    });
  });

  test('is refused with everything that is missing', async () => {
    mkdirSync(conf);
    const { code, details } = await refusal();
    expect(code).toBe('bad-confdir');
    const { problems } = details as { problems: Problem[] };
    expect(problems.map(({ message }) => message.split(' ')[0])).toEqual([
      'System.map',
      '.config',
      'build',
    ]);
  });

  test('is refused with a placeholder for a map, and with headers that are none', async () => {
    handMade();
    writeFileSync(
      path.join(conf, 'System.map'),
      'ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n',
    );
    rmSync(path.join(folder, 'headers/Module.symvers'));
    const { details } = await refusal();
    const { problems } = details as { problems: Problem[] };
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('placeholder'),
      expect.stringContaining('Module.symvers'),
    ]);
  });

  test.each([
    ['.config', () => path.join(conf, '.config')],
    ['headers', () => path.join(folder, 'headers/.config')],
  ])(
    'is refused with all that its %s name of what cannot be patched, each once',
    async (_, file) => {
      handMade();
      const without = NEEDED.filter((name) => name !== 'UNWINDER_ORC');
      writeFileSync(file(), configText(...without, 'LTO_CLANG_THIN', 'CFI_CLANG'));
      const { code, message, details } = await refusal();
      expect(code).toBe('kernel-mismatch');
      expect(message).toContain(`${RELEASE} cannot be patched`);
      const { problems } = details as { problems: Problem[] };
      expect(problems.map(({ message: text }) => /CONFIG_\w+/.exec(text)?.[0])).toEqual([
        'CONFIG_UNWINDER_ORC',
        'CONFIG_CFI_CLANG',
        'CONFIG_LTO_CLANG_THIN',
      ]);
    },
  );

  test('is refused when a link leads nowhere, or it is not there at all', async () => {
    expect(await refusal()).toMatchObject({ code: 'bad-confdir' });
    handMade();
    symlinkSync(path.join(folder, 'absent'), path.join(conf, 'image'));
    expect(await refusal()).toMatchObject({
      code: 'bad-confdir',
      message: expect.stringContaining('leads to nothing'),
    });
  });
});

describe('writing a confdir', () => {
  const write = (image?: string) =>
    writeConfdir(conf, {
      systemMap: SYSTEM_MAP,
      config: configText(...NEEDED),
      links: { build: path.join(folder, 'headers'), source: path.join(folder, 'source'), image },
    });

  test('makes what reading understands, and leaves nothing else', async () => {
    write(folder);
    expect(readdirSync(conf).sort()).toEqual(
      ['.config', 'System.map', 'build', 'flags', 'image', 'source'].sort(),
    );
    expect(await readConfdir(conf)).toMatchObject({ release: RELEASE, image: folder, flags: [] });
  });

  test('again renews links and keeps the flags and whatever else is there', () => {
    write(folder);
    writeFileSync(path.join(conf, 'flags'), 'CC=gcc-12\n');
    writeFileSync(path.join(conf, 'notes'), 'mine');
    write();
    expect(readFileSync(path.join(conf, 'flags'), 'utf8')).toBe('CC=gcc-12\n');
    expect(readdirSync(conf).sort()).toEqual(
      ['.config', 'System.map', 'build', 'flags', 'notes', 'source'].sort(),
    );
    expect(readlinkSync(path.join(conf, 'build'))).toBe(path.join(folder, 'headers'));
  });

  test('does not replace a directory of the user', () => {
    sourceTree(path.join(conf, 'source'));
    expect(() => write()).toThrowError(expect.objectContaining({ code: 'bad-confdir' }));
    expect(readdirSync(conf)).toEqual(['source']);
    expect(readFileSync(path.join(conf, 'source/Makefile'), 'utf8')).toContain('SUBLEVEL');
  });
});
