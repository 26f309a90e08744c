import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KspliceError } from '../../../src/base/errors.js';
import type { Confdir } from '../../../src/configure/confdir.js';
import { compiledObjects, filePrefix, symversOf } from '../../../src/create/module-dir/objects.js';
import { copyModule, moduleDirectory, moduleFiles } from '../../../src/create/module-dir/source.js';
import { readsOneOf } from '../../../src/create/objects/pre-objects.js';
import type { KernelHeaders } from '../../../src/create/tree/kbuild.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ksplice-ts-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, text = ''): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe('what kbuild has compiled', () => {
  const command = (place: string) =>
    `savedcmd_${place}rx/a.o := gcc -Wp,-MMD,${place}rx/.a.o.d -I/h/include -I${place || './'}include` +
    ` -DMODULE -DKBUILD_MODNAME='"wire"' -c -o ${place}rx/a.o ${place}rx/a.c` +
    ` ; /h/objtool --orc ${place}rx/a.o\n\n` +
    `source_${place}rx/a.o := ${place}rx/a.c\n\ndeps_${place}rx/a.o := \\\n` +
    `    $(wildcard include/config/SMP) \\\n  /h/include/x.h \\\n  ${place}include/wire.h \\\n`;

  it.each([
    ['in full, as kbuild did up to 6.12', () => `${folder}/`],
    ['from the directory of the module, as newer ones do', () => ''],
  ])('is the same, with files that are named %s', (_, place) => {
    for (const name of ['rx/a.c', 'rx/a.o', 'include/wire.h']) put(name);
    put('rx/.a.o.cmd', command(place()));
    const [object, ...others] = compiledObjects(folder, '/area');
    expect(others).toEqual([]);
    expect(object).toMatchObject({ name: 'rx/a.o', owners: ['wire'] });
    const at = (name: string) => join(folder, name);
    expect(object!.made).toEqual({
      commands: [
        [
          'gcc',
          `-Wp,-MMD,${at('rx/.a.o.d')}`,
          ...['-I/h/include', `-I${at('include')}`, '-DMODULE', '-DKBUILD_MODNAME="wire"'],
          ...['-c', '-o', at('rx/a.o'), at('rx/a.c')],
        ],
        ['/h/objtool', '--orc', at('rx/a.o')],
      ],
      source: at('rx/a.c'),
      dependencies: [at('rx/a.c'), 'include/config/SMP', '/h/include/x.h', at('include/wire.h')],
    });
    const reads = (path: string) => readsOneOf(object!, [{ path }], folder);
    expect(['rx/a.c', 'include/wire.h', 'rx/b.c'].map(reads)).toEqual([true, true, false]);
  });
});

it.each(['', '/h/'])(
  'modpost is given the exports of others, not again the kernel’s own',
  (place) => {
    const headers = join(folder, 'headers');
    const [kernels, others] = [put('headers/Module.symvers'), put('others/Module.symvers')];
    const own = put('mine/Module.symvers');
    const named = place === '' ? 'Module.symvers' : kernels;
    put('mine/.Module.symvers.cmd', `savedcmd_x := modpost -i ${named} -i ${others} -o x\n`);
    expect(symversOf(join(folder, 'mine'), headers)).toEqual([others, own]);
  },
);

describe('moduleDirectory', () => {
  const refusal = (directory: string) => {
    try {
      moduleDirectory(directory);
    } catch (error) {
      if (error instanceof KspliceError) return error;
      throw error;
    }
    throw new Error('it was taken');
  };

  it('takes what kbuild would', () => {
    put('a/Kbuild');
    put('b/Makefile');
    symlinkSync('a', join(folder, 'link'));
    expect(moduleDirectory(join(folder, 'a'))).toBe(join(folder, 'a'));
    expect(moduleDirectory(join(folder, 'b'))).toBe(join(folder, 'b'));
    expect(moduleDirectory(join(folder, 'link'))).toBe(join(folder, 'a'));
  });

  it('refuses anything else', () => {
    put('none/x.c');
    put('kernel/Makefile');
    put('kernel/init/main.c');
    expect(refusal(join(folder, 'none'))).toMatchObject({
      code: 'no-source',
      message: `${join(folder, 'none')} has neither Kbuild nor Makefile`,
    });
    expect(refusal(join(folder, 'absent'))).toMatchObject({ code: 'no-source' });
    expect(refusal(put('file'))).toMatchObject({ code: 'no-source' });
    expect(refusal(join(folder, 'kernel'))).toMatchObject({ code: 'usage' });
  });
});

describe('moduleFiles', () => {
  it('takes a directory for what it is in a kernel tree only there', () => {
    const kinds = ['tools/x.c', 'arch/arm/y.h', 'rust/Kbuild', 'samples/README'].map(
      (path) => moduleFiles([{ path, kind: 'other', before: '', after: '' }])[0]?.kind,
    );
    expect(kinds).toEqual(['source', 'included', 'rules', 'other']);
  });
});

describe('copyModule', () => {
  const copy = () => {
    const [source, area] = [join(folder, 'source'), join(folder, 'area')];
    const { signal } = new AbortController();
    const confdir = { build: '/build' } as Confdir;
    const how = { headers: {} as KernelHeaders, jobs: 1 };
    return copyModule(source, area, confdir, how, signal).kbuild.tree;
  };
  const listing = (tree: string) => readdirSync(tree, { recursive: true, encoding: 'utf8' }).sort();

  it('leaves out what an earlier build made', () => {
    for (const name of ['Kbuild', 'x.c', 'x.o', '.x.o.cmd', 'x.ko', 'x.mod.c', 'Module.symvers']) {
      put(`source/${name}`);
    }
    put('source/.git/HEAD');
    put('source/sub/y.h');
    expect(listing(copy())).toEqual(['Kbuild', 'sub', 'sub/y.h', 'x.c']);
  });

  it('can be written to where the source cannot', () => {
    chmodSync(put('source/sub/y.h'), 0o444);
    chmodSync(join(folder, 'source/sub'), 0o555);
    const tree = copy();
    expect(statSync(join(tree, 'sub')).mode & 0o200).toBe(0o200);
    expect(statSync(join(tree, 'sub/y.h')).mode & 0o200).toBe(0o200);
    chmodSync(join(folder, 'source/sub'), 0o755);
  });

  it('follows links, but not in circles', () => {
    put('elsewhere/z.h');
    put('source/x.c');
    symlinkSync('../elsewhere', join(folder, 'source/linked'));
    symlinkSync('.', join(folder, 'source/self'));
    symlinkSync('nowhere', join(folder, 'source/broken.c'));
    expect(listing(copy())).toEqual(['linked', 'linked/z.h', 'x.c']);
  });
});

describe('filePrefix', () => {
  const sources = ['main.c', 'rx/main.c', 'tunnel.h'];

  it('finds what files were called', () => {
    expect(filePrefix('\0net/tunnel/main.c\0%s: x\0', sources)).toBe('net/tunnel/');
    expect(filePrefix('/home/me/t/rx/main.c', ['rx/main.c'])).toBe('/home/me/t/');
    expect(filePrefix('main.c\0', sources)).toBe('');
  });

  it('takes the longest path in the directory, and reads paths through', () => {
    expect(filePrefix('/t/rx/main.c', sources)).toBe('/t/');
    expect(filePrefix('/t/rx/../tunnel.h', sources)).toBe('/t/');
  });

  it('goes by the majority: a header of the kernel may have the name of one of ours', () => {
    const strings = 'include/net/tunnel.h\0/t/main.c\0/t/tunnel.h\0';
    expect(filePrefix(strings, sources)).toBe('/t/');
  });

  it('does not guess', () => {
    expect(filePrefix('domain.c\0some text\0\0', sources)).toBeUndefined();
  });
});
