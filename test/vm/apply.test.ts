// apply, view and undo on a real kernel, when things go wrong: whatever does, the
// kernel is as before or fully updated, and the next call copes with what is left.

import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeProgram } from '../../src/program/decode.js';
import { encodeProgram } from '../../src/program/encode.js';
import { readUpdate } from '../../src/update/read.js';
import { programOf, type Update } from '../../src/update/update.js';
import { testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import {
  alteredUpdate,
  asNobody,
  exampleUpdate,
  kspliceFails,
  kspliceIn,
  kspliceModules,
  ROOT,
} from './ksplice.js';

const ID = 'applytest';
const TOOL = path.join(ROOT, 'bin', 'ksplice-ts.js');

let archive: string;
let update: Update;

beforeAll(async () => {
  ({ file: archive } = await exampleUpdate(await testKernel(), 'sctp', ID));
  update = await readUpdate(archive);
});

/** Old code that expects another byte in the function that is replaced. */
async function withWrongByte(): Promise<string> {
  const [change] = update.contents.changes;
  if (!change) throw new Error('the update changes nothing');
  const section = programOf(update, change);
  // What is decoded is a view of what it was decoded from.
  const program = decodeProgram(Buffer.from(section), 'the example');
  const span = program.spans.find(({ replaced }) => replaced);
  if (!span) throw new Error('nothing is replaced');
  const free = (offset: number) =>
    span.items.every((item) => offset < item.offset || offset >= item.offset + item.length);
  const offset = [...span.bytes.keys()].find((at) => at > 32 && free(at)) as number;
  span.bytes[offset] = (span.bytes[offset] as number) ^ 0x01;
  const encoded = encodeProgram(program);
  expect(encoded.length).toBe(section.length);
  const { data, info } = update.modules.get(change.oldCode.module) ?? {};
  const place = info?.object.section('.ksplice.program')?.offset as number;
  const module = Buffer.from(data as Buffer);
  encoded.copy(module, place);
  return alteredUpdate(update, archive, 'wrong-byte', change.oldCode.file, module);
}

/** New code that needs a symbol which no kernel has. */
async function withUnknownSymbol(): Promise<string> {
  const file = update.contents.changes[0]?.newCode.file as string;
  const module = Buffer.from(update.files.get(file) as Buffer);
  const symbol = 'ksplice_register_new_code';
  for (let at = module.indexOf(symbol); at >= 0; at = module.indexOf(symbol, at)) {
    module.write('ksplice_register_no__code', at, 'latin1');
  }
  return alteredUpdate(update, archive, 'unknown-symbol', file, module);
}

/** Nothing of ksplice-ts is in the kernel or remembered. */
async function expectNothingLeft(guest: Guest): Promise<void> {
  expect(await kspliceModules(guest)).toEqual([]);
  await guest.ok('! test -e /sys/kernel/ksplice');
  const left = await guest.ok(
    '! test -e /run/ksplice || find /run/ksplice -mindepth 1 ! -path "*/updates" ! -name lock',
  );
  expect(left).toBe('');
}

const PATIENT = { timeoutMs: 240_000 };

describe('apply on a stock kernel', () => {
  it('refuses, loads nothing, and says why', async () => {
    const wrongByte = await withWrongByte();
    const unknownSymbol = await withUnknownSymbol();
    const expectLog = [/Unknown symbol ksplice_register_no__code/, /^Lockdown: /];
    await withGuest({ name: 'apply-refusals', expectLog }, async (guest) => {
      expect(await kspliceFails(guest, `apply ${archive}`)).toMatchObject({
        code: 'target-not-loaded',
        message: expect.stringContaining('module sctp'),
      });
      await guest.ok('modprobe sctp');
      await expectNothingLeft(guest);

      expect(await kspliceFails(guest, `apply ${wrongByte}`)).toMatchObject({
        code: 'no-match',
        message: expect.stringContaining('sctp_rcv+0x'),
        details: { abortCause: 'no_match' },
      });
      await expectNothingLeft(guest);

      expect(await kspliceFails(guest, `apply ${unknownSymbol}`)).toMatchObject({
        code: 'load-failed',
        advice: expect.stringContaining('Unknown symbol ksplice_register_no__code'),
      });
      await expectNothingLeft(guest);

      expect(await kspliceFails(guest, `undo ${ID}`)).toMatchObject({ code: 'not-applied' });
      expect(await kspliceIn(guest, 'view')).toEqual({ ok: true, updates: [] });

      const refused = JSON.parse(await asNobody(guest, `apply ${archive}`));
      expect(refused).toMatchObject({ error: { code: 'not-root' } });
      await expectNothingLeft(guest);

      await guest.ok('mkdir -p /run/ksplice && mount -t tmpfs -o size=64k,mode=700 x /run/ksplice');
      expect(await kspliceFails(guest, `apply ${archive}`)).toMatchObject({
        code: 'io',
        message: expect.stringContaining('ENOSPC'),
      });
      await guest.ok('umount /run/ksplice');
      await expectNothingLeft(guest);

      // The kernel cannot be talked out of these two again.
      await guest.ok(
        'mountpoint -q /sys/kernel/security || mount -t securityfs x /sys/kernel/security',
      );
      await guest.ok('echo integrity >/sys/kernel/security/lockdown');
      await guest.ok('echo 1 >/proc/sys/kernel/modules_disabled');
      const both = (await kspliceFails(guest, `apply ${archive}`)) as {
        code: string;
        details?: { problems: { message: string }[] };
      };
      expect(both.code).toBe('checks-failed');
      const messages = both.details?.problems.map(({ message }) => message).join('\n');
      expect(messages).toMatch(/modules_disabled/);
      expect(messages).toMatch(/lockdown=integrity/);
      await expectNothingLeft(guest);
    });
  });

  it('lets one of two at once through, and remembers what view shows', async () => {
    await withGuest({ name: 'apply-twice' }, async (guest) => {
      await guest.ok('modprobe sctp');
      expect(await kspliceIn(guest, `apply --dry-run ${archive}`)).toMatchObject({
        id: ID,
        changed: false,
        stage: null,
        timing: { window_ns: expect.any(Number) },
      });
      await expectNothingLeft(guest);
      const line = `${process.execPath} ${TOOL} apply --json ${archive}`;
      const [one, two] = await Promise.all([guest.run(line, PATIENT), guest.run(line, PATIENT)]);
      const answers = [one, two].map(({ stdout }) => JSON.parse(stdout));
      const [applied, other] = answers[0].changed ? answers : [...answers].reverse();
      expect(applied).toMatchObject({ ok: true, id: ID, changed: true });
      // Too early, or late enough to find that all is done.
      if (other.ok) expect(other).toMatchObject({ id: ID, changed: false });
      else expect(other.error.code).toBe('busy');

      expect(await kspliceIn(guest, `apply ${archive}`)).toMatchObject({
        changed: false,
        functions: applied.functions,
      });
      expect(await kspliceIn(guest, 'view')).toMatchObject({
        updates: [{ id: ID, stage: 'applied', targets: ['sctp'] }],
      });
      const view = await kspliceIn(guest, `view ${ID}`);
      expect(view).toMatchObject({ abortCause: 'ok', conflicts: [], patch: update.patch });
      expect(view.functions).toMatchObject([{ target: 'sctp', name: 'sctp_rcv' }]);
      expect(view.timing).toMatchObject({ window_ns: expect.any(Number) });

      const foreign = JSON.parse(await asNobody(guest, `view --id ${ID}`));
      expect(foreign).toMatchObject({ ok: true, stage: 'applied', functions: null, patch: null });

      await guest.run('rmmod sctp; true');
      expect(await guest.ok('cat /sys/module/sctp/initstate')).toBe('live');
      expect(await guest.run(`rmmod ksplice_${ID}_sctp_new`)).toMatchObject({ status: 1 });
      await kspliceIn(guest, `undo ${ID}`);
      await expectNothingLeft(guest);
    });
  });
});
