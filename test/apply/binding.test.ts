// apply on a kernel without CONFIG_LIVEPATCH: the modules are bound to addresses.

import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { applyUpdate } from '../../src/apply/apply.js';
import type { KspliceError, Problem } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import * as C from '../../src/elf/constants.js';
import { ElfObject } from '../../src/elf/object.js';
import { convertToLivepatch } from '../../src/module/livepatch.js';
import { readUpdate } from '../../src/update/read.js';
import type { Update } from '../../src/update/update.js';
import { writeUpdate } from '../../src/update/write.js';
import { compileModule, makeSample, withDirectory } from '../update/sample.js';
import { SimulatedKernel } from './simulated-kernel.js';

const NEW = 'ksplice_abc12345_sctp_new';
const SIGNATURE = Buffer.concat([
  Buffer.from('what the key made of it'),
  Buffer.from([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 23]),
  Buffer.from('~Module signature appended~\n'),
]);

/** An update whose new code needs a symbol that the kernel does not export. */
async function makeUpdate(where: string, signature = Buffer.alloc(0)): Promise<Update> {
  const { directory } = await makeSample(where, { targets: ['sctp'] });
  const file = path.join(directory, `${NEW}.ko`);
  await compileModule(file, NEW, { needs: 'hidden' });
  const bindings = [{ symbol: 'hidden', object: 'sctp', name: 'hidden', position: 2 }];
  const ko = convertToLivepatch(await readFile(file), bindings);
  await writeFile(file, Buffer.concat([ko, signature]));
  const archive = path.join(where, 'u.tar.gz');
  await writeUpdate(directory, archive);
  return readUpdate(archive);
}

const KALLSYMS = [
  'ffffffff81000000 T _text',
  'ffffffff81000010 t hidden',
  'ffffffffc0000010 t hidden\t[sctp]',
  'ffffffffc0000020 t hidden\t[sctp]',
];

async function withKernel(
  use: (kernel: SimulatedKernel, where: string) => Promise<void>,
  kallsyms: readonly string[] = KALLSYMS,
): Promise<void> {
  await withDirectory(async (where) => {
    const kernel = await new SimulatedKernel(where).boot();
    await rm(path.join(where, 'sys/kernel/livepatch'), { recursive: true });
    await kernel.put('proc/kallsyms', kallsyms.map((line) => `${line}\n`).join(''));
    await use(kernel, where);
  });
}

const apply = (update: Update, kernel: SimulatedKernel) =>
  applyUpdate(update, kernel, { timeout: 0 }, silentUi);

async function problems(action: Promise<unknown>): Promise<readonly Problem[]> {
  const error = (await action.then(
    () => expect.fail('it was applied'),
    (reason: unknown) => reason,
  )) as KspliceError;
  return (error.details as { problems?: Problem[] }).problems ?? [error];
}

it('binds the symbols to the addresses of this boot', async () => {
  await withKernel(async (kernel, where) => {
    await apply(await makeUpdate(where), kernel);
    const file = kernel.files.get(NEW)!;
    const symbols = new ElfObject(file, NEW).symbols.filter(({ shndx }) => shndx === C.SHN_ABS);
    expect(symbols.map(({ name }) => name)).toContain('.klp.sym.sctp.hidden,2');
    const value = Buffer.alloc(8);
    value.writeBigUInt64LE(0xffffffffc0000020n);
    expect(file.includes(value)).toBe(true);
    expect(file.includes('livepatch=Y')).toBe(false);
  });
});

it('leaves a module as it is where the kernel has livepatch', async () => {
  await withKernel(async (kernel, where) => {
    await kernel.put('sys/kernel/livepatch/x', '');
    const update = await makeUpdate(where);
    await apply(update, kernel);
    expect(kernel.files.get(NEW)).toEqual(update.modules.get(NEW)!.data);
  });
});

it('takes off a signature, which would be wrong', async () => {
  await withKernel(async (kernel, where) => {
    await apply(await makeUpdate(where, SIGNATURE), kernel);
    expect(kernel.files.get(NEW)!.includes('signature')).toBe(false);
    expect(kernel.files.get(NEW)!.includes('what the key')).toBe(false);
  });
});

it('says so where the kernel wants signatures', async () => {
  await withKernel(async (kernel, where) => {
    await kernel.put('sys/module/module/parameters/sig_enforce', 'Y\n');
    expect(await problems(apply(await makeUpdate(where, SIGNATURE), kernel))).toMatchObject([
      { code: 'load-failed', message: expect.stringMatching(/CONFIG_LIVEPATCH.*sig_enforce=1/) },
    ]);
    expect(kernel.modules).toEqual(['sctp']);
  });
});

it('refuses hidden addresses, and names the setting', async () => {
  const hidden = KALLSYMS.map((line) => `${'0'.repeat(16)}${line.slice(16)}`);
  await withKernel(async (kernel, where) => {
    await kernel.put('proc/sys/kernel/kptr_restrict', '2\n');
    expect(await problems(apply(await makeUpdate(where), kernel))).toMatchObject([
      {
        code: 'unreadable-kernel',
        message: expect.stringContaining('kernel.kptr_restrict=2'),
        advice: expect.stringContaining('sysctl kernel.kptr_restrict=1'),
      },
    ]);
    expect(kernel.events).toEqual([]);
  }, hidden);
});

it('leaves nothing where the kernel lacks a symbol', async () => {
  await withKernel(
    async (kernel, where) => {
      expect(await problems(apply(await makeUpdate(where), kernel))).toMatchObject([
        { code: 'unresolved-symbol', message: expect.stringContaining('.klp.sym.sctp.hidden,2') },
      ]);
      expect(kernel.modules).toEqual(['sctp']);
    },
    KALLSYMS.slice(0, 3),
  );
});
