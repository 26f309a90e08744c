// The same kernel three times: its image package, its memory while it runs,
// and what was captured of it. Symbols and code have to agree, and an update is
// proved against each.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { openKernelImage } from '../../src/kernel/kernel-files.js';
import type { KernelFiles } from '../../src/kernel/kernel-in-files.js';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import {
  type Answer,
  configure,
  examplePatch,
  ksplice,
  kspliceFails,
  kspliceIn,
  ROOT,
} from './ksplice.js';

const CAPTURE = '/run/test/kernel.capture';

let kernel: TestKernel;
let image: KernelFiles;
const updates = { sctp: '', tcp: '' };
let folder: string;

beforeAll(async () => {
  kernel = await testKernel();
  image = await openKernelImage(kernel.image, silentUi, { release: kernel.release });
  await mkdir(join(ROOT, '.work'), { recursive: true });
  folder = await mkdtemp(join(ROOT, '.work', 'check-'));
  await configure(kernel, join(folder, 'conf'));
  for (const name of ['sctp', 'tcp'] as const) updates[name] = await makeUpdate(name);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function makeUpdate(name: string): Promise<string> {
  const id = `${name}check`;
  const inputs = ['--patch', examplePatch(name), '--config', join(folder, 'conf')];
  await ksplice(['create', ...inputs, '--id', id, '--output', folder]);
  return join(folder, `ksplice-${id}.tar.gz`);
}

async function bringHome(guest: Guest): Promise<void> {
  await mkdir(join(folder, 'capture'));
  for (const name of ['capture.json', 'kallsyms.gz', 'memory.gz']) {
    await writeFile(join(folder, 'capture', name), await guest.readFile(join(CAPTURE, name)));
  }
}

function expectProof(answer: Answer, target: string): void {
  const [proof] = answer.targets as [Record<string, number>];
  expect(proof).toMatchObject({ target, unverified: 0 });
  expect(proof.replaced).toBeGreaterThanOrEqual(1);
  expect(proof.functions).toBeGreaterThan(10);
  expect(proof.inferred).toBeGreaterThan(20);
  expect(proof.references).toBeGreaterThan(0);
}

/** All but what sites tell: a kernel that has patched itself tells more. */
function compared(answer: Answer): object[] {
  const targets = answer.targets as { inferred: number }[];
  return targets.map(({ inferred: _, ...rest }) => rest);
}

describe('a running kernel', () => {
  it('is what its image says, and updates fit both, and what was captured of it', async () => {
    await withGuest({ name: 'check', kernel, timeoutMs: 1_200_000 }, async (guest) => {
      const absent = await kspliceFails(guest, `check ${updates.sctp} --live`);
      expect(absent).toMatchObject({ code: 'target-not-loaded' });
      await guest.ok('modprobe sctp');
      const live = {
        sctp: await kspliceIn(guest, `check ${updates.sctp} --live`),
        tcp: await kspliceIn(guest, `check ${updates.tcp} --live`),
      };
      expectProof(live.sctp, 'sctp');
      expectProof(live.tcp, 'vmlinux');

      // What is applied does not count: the kernel is read, and captured, as it is without.
      const checkAll = async () => {
        for (const name of ['sctp', 'tcp'] as const) {
          const found = await kspliceIn(guest, `check ${updates[name]} --live`);
          expect(compared(found)).toEqual(compared(live[name]));
        }
      };
      for (const update of Object.values(updates)) await kspliceIn(guest, `apply ${update}`);
      await checkAll();

      await kspliceIn(guest, `capture ${CAPTURE}`);
      expect(await guest.ok(`stat -c %a ${CAPTURE} ${CAPTURE}/*`)).toBe('700\n600\n600\n600');
      const again = await kspliceFails(guest, `capture ${CAPTURE}`);
      expect(again).toMatchObject({ code: 'io', message: expect.stringContaining('not empty') });
      await bringHome(guest);
      for (const name of ['sctp', 'tcp']) await kspliceIn(guest, `undo ${name}check`);
      await checkAll();

      // Hidden addresses are an error with advice, not a mismatch.
      await guest.ok('sysctl -w kernel.kptr_restrict=2');
      const hidden = await kspliceFails(guest, `check ${updates.sctp} --live`);
      expect(hidden).toMatchObject({ code: 'unreadable-kernel' });
      expect(hidden.advice).toContain('kptr_restrict');

      for (const [name, update] of Object.entries(updates)) {
        const captured = await ksplice(['check', update, '--image', join(folder, 'capture')]);
        const fromImage = await ksplice(['check', update, '--image', kernel.image]);
        const target = name === 'sctp' ? 'sctp' : 'vmlinux';
        expectProof(captured, target);
        // Three interpretations of one program on three forms of one kernel.
        expect(compared(captured)).toEqual(compared(fromImage));
        expect(compared(live[name as keyof typeof live])).toEqual(compared(fromImage));
      }
    });
  });

  it('has the symbols that were read out of its image', async () => {
    const captured = await openKernelImage(join(folder, 'capture'), silentUi);
    expect(captured.version).toBe(image.version);
    const at = (files: KernelFiles) => files.kernel.lookup('_text', 'vmlinux')[0]!;
    const slide = at(captured) - at(image);
    expect(captured.symbols).toEqual(
      // Per-cpu symbols are offsets: KASLR does not move them.
      image.symbols.map((symbol) =>
        symbol.address < 0xffffffff80000000n
          ? symbol
          : { ...symbol, address: symbol.address + slide },
      ),
    );
  });

  it('has its modules laid out section by section as the files are', async () => {
    const captured = await openKernelImage(join(folder, 'capture'), silentUi);
    const names = ['sctp_rcv', 'sctp_v4_rcv', 'sctp_hash_endpoint', 'sctp_init_addrs'];
    const found = names.flatMap((name) => {
      const [inFile] = image.kernel.lookup(name, 'sctp');
      const [running] = captured.kernel.lookup(name, 'sctp');
      return inFile === undefined || running === undefined ? [] : [running - inFile];
    });
    expect(found.length).toBeGreaterThan(1);
    expect(new Set(found).size).toBe(1);
  });
});
