import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentUi } from '../../../src/base/ui.js';
import { kindOf, type PatchedFile } from '../../../src/create/change/patched-file.js';
import { codeFiles } from '../../../src/create/objects/choose-objects.js';
import { optionOf, outsiders, unreadFiles } from '../../../src/create/objects/left-out.js';
import { whyOutside } from '../../../src/create/objects/outside.js';
import type { Kbuild } from '../../../src/create/tree/kbuild.js';
import type { PreObject } from '../../../src/create/values.js';

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'ksplice-left-'));
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
}

const file = (path: string, before: string | undefined = 'old\n'): PatchedFile => ({
  path,
  kind: kindOf(path),
  before,
  after: 'new\n',
});

describe('code that is not the kernel', () => {
  it.each([
    'lib/vdso/getrandom.c',
    'arch/x86/entry/vdso/vgetcpu.c',
    'arch/x86/entry/vdso/vdso32/note.S',
    'arch/x86/boot/compressed/misc.c',
    'drivers/firmware/efi/libstub/gop.c',
  ])('%s is refused, with the reason', (path) => {
    expect(() => codeFiles([file('fs/open.c'), file(path)], silentUi)).toThrow(
      expect.objectContaining({
        code: 'refused-change',
        message: `${path}: ${whyOutside(path)}`,
      }),
    );
  });

  it.each(['arch/x86/entry/vdso/vma.c', 'arch/x86/entry/common.c', 'lib/sort.c'])(
    '%s is the kernel',
    (path) => {
      expect(codeFiles([file(path)], silentUi)).toHaveLength(1);
    },
  );

  it('is named if it has a changed header for sure, once for each reason', () => {
    const header = 'include/vdso/ticks.h';
    put('arch/x86/entry/vdso/vgetcpu.c', '#include <vdso/ticks.h>\n');
    put('arch/x86/entry/vdso/vtime.c', ' # include "vdso/ticks.h"\n');
    put('arch/x86/boot/other.c', '#include "ticks.h"\n');
    put('kernel/time/time.c', '#include <vdso/ticks.h>\n');
    const direct = ['vgetcpu', 'vtime'].map(
      (name) => [`arch/x86/entry/vdso/${name}.c`, [header]] as const,
    );
    const lines = outsiders(tree, [
      ...direct,
      ['arch/x86/boot/other.c', [header]],
      ['arch/x86/boot/far.c', ['include/linux/between.h', header]],
      ['kernel/time/time.c', [header]],
    ]);
    expect(lines).toEqual([
      `the old ${header} stays in arch/x86/entry/vdso/vgetcpu.c, arch/x86/entry/vdso/vtime.c: the vdso is mapped into every process and runs there`,
    ]);
  });
});

describe('a file that nothing is compiled of', () => {
  const object = (...dependencies: string[]) =>
    ({
      made: { dependencies: dependencies.map((path) => join(tree, path)) },
    }) as unknown as PreObject;
  const kbuild = () =>
    ({ tree, headers: { options: new Map([['CONFIG_RING_MODULE', '1']]) } }) as unknown as Kbuild;

  it('is named with the reason, whatever else is compiled', () => {
    put(
      'net/ring/Makefile',
      'obj-$(CONFIG_WHEEL) += \\\n\twheel.o\nobj-$(CONFIG_RING) += ring.o\n',
    );
    const files = ['net/ring/wheel.c', 'net/ring/ring.c', 'net/ring/axle.c', 'net/ring/axle.h'];
    const all = [...files.map((path) => file(path)), file('include/net/ring.h')];
    const read = [object('net/ring/ring.c', 'include/net/ring.h')];
    expect(unreadFiles(all, read, kbuild(), true)).toEqual([
      'net/ring/wheel.c: not part of this kernel, for which CONFIG_WHEEL is not set; its change is left out',
      'net/ring/axle.c: not part of this kernel as it is configured; its change is left out',
      'net/ring/axle.h: no file that is compiled for this kernel includes it; its change is left out',
    ]);
    expect(unreadFiles([file('net/ring/axle.h')], read, kbuild(), false)).toEqual([
      'net/ring/axle.h: no part of the targets that were named; its change is left out',
    ]);
  });

  it('is not one that is new', () => {
    const made: PatchedFile = { ...file('net/ring/axle.h'), before: undefined };
    expect(unreadFiles([made], [], kbuild(), true)).toEqual([]);
  });

  it('has its option from the Makefile beside it', () => {
    put('net/ring/Makefile', '# obj-$(CONFIG_NO) += a.o\nring-$(CONFIG_A) += b.o a.o\n');
    expect(optionOf(tree, 'net/ring/a.c')).toBe('CONFIG_A');
    expect(optionOf(tree, 'net/ring/c.c')).toBeUndefined();
    expect(optionOf(tree, 'net/other/a.c')).toBeUndefined();
  });
});
