import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { applyUpdate } from '../../src/apply/apply.js';
import { undoUpdate } from '../../src/apply/undo-update.js';
import { silentUi } from '../../src/base/ui.js';
import { describeStatus } from '../../src/cli/commands/status.js';
import type { LogRecord } from '../../src/host/kernel-log.js';
import { installUpdate } from '../../src/install/install.js';
import { prometheusText } from '../../src/status/prometheus.js';
import { EXIT_STATUS, readStatus, type Status, VERDICTS } from '../../src/status/status.js';
import { vexDocument } from '../../src/status/vex.js';
import { readUpdate } from '../../src/update/read.js';
import type { Update } from '../../src/update/update.js';
import { writeUpdate } from '../../src/update/write.js';
import { SimulatedKernel } from '../apply/simulated-kernel.js';
import { makeSample, RELEASE, withDirectory } from '../update/sample.js';

const BUILD = 'abcdefghijklmnopqrst';
const VERSION = '#1 SMP PREEMPT_DYNAMIC Debian 6.1.1-1 (2026-01-01)';

async function update(where: string, id: string, more = {}): Promise<Update> {
  const { directory } = await makeSample(where, { id, targets: ['vmlinux'], ...more });
  const archive = path.join(where, `ksplice-${id}.tar.gz`);
  await writeUpdate(directory, archive);
  return readUpdate(archive);
}

/** A kernel with a build id, at taint 0 and with a log of five records. */
async function booted(where: string): Promise<SimulatedKernel> {
  const kernel = await new SimulatedKernel(where).boot();
  await kernel.put('sys/kernel/notes', `\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0${BUILD}`);
  await kernel.put('proc/sys/kernel/version', `${VERSION}\n`);
  await kernel.put('proc/sys/kernel/tainted', '0\n');
  await kernel.put('proc/sys/kernel/random/boot_id', 'first\n');
  kernel.log = ['BUG: before the update', 'b', 'c', 'd', 'e'].map(record);
  return kernel;
}

function record(text: string, sequence: number): LogRecord {
  return { sequence, fromKernel: true, text };
}

const apply = (one: Update, kernel: SimulatedKernel) =>
  applyUpdate(one, kernel, { timeout: 0 }, silentUi);
const statusOf = (kernel: SimulatedKernel) => readStatus(kernel, silentUi);

/** Runs with a kernel that has `a1` applied, which fixes CVE-2026-1234. */
const withApplied = (use: (kernel: SimulatedKernel, where: string) => Promise<void>) => () =>
  withDirectory(async (where) => {
    const kernel = await booted(where);
    await apply(await update(where, 'a1', { fixes: 'CVE-2026-1234\n' }), kernel);
    await use(kernel, where);
  });

/** The problems, and that they decide. */
function problemsOf({ health, verdict }: Status): string[] {
  expect({ good: health.good, verdict }).toEqual({ good: false, verdict: 'unhealthy' });
  return health.problems.map(({ message }) => message);
}

describe('status', () => {
  it('is good where nothing was ever done, and leaves nothing', () =>
    withDirectory(async (where) => {
      const kernel = await booted(where);
      expect(await statusOf(kernel)).toMatchObject({
        effectiveVersion: RELEASE,
        updates: [],
        reboot: { advised: false },
        health: { good: true },
        verdict: 'good',
      });
      expect(await kernel.list(kernel.paths.installed)).toEqual([]);
    }));

  it('is for root', () =>
    withDirectory(async (where) => {
      const user = await new SimulatedKernel(where, 1000).boot();
      await expect(statusOf(user)).rejects.toMatchObject({ code: 'not-root' });
    }));

  it(
    'tells the kernel, the updates and what they fix',
    withApplied(async (kernel) => {
      const status = await statusOf(kernel);
      expect(status).toMatchObject({
        kernel: { release: RELEASE, version: VERSION, buildId: Buffer.from(BUILD).toString('hex') },
        updates: [{ id: 'a1', stage: 'applied', isInForce: true, installed: false }],
        fixes: { cves: ['CVE-2026-1234'] },
        verdict: 'good',
      });
      const text = describeStatus(status);
      expect(text).toContain('  a1 [applied, until the next boot]: a change for tests');
      expect(text).toContain('    fixes CVE-2026-1234');
      expect(text).toContain('Health: good');
      await undoUpdate('a1', kernel, { timeout: 0 }, silentUi);
      const after = await statusOf(kernel);
      expect(after).toMatchObject({ updates: [], fixes: { cves: [] }, verdict: 'good' });
    }),
  );

  it('has a different exit status for each verdict', () => {
    expect(VERDICTS.map((verdict) => EXIT_STATUS[verdict])).toEqual([12, 11, 10, 0]);
  });

  it('tells of an update that is installed and not applied, and of no other kernel', () =>
    withDirectory(async (where) => {
      const kernel = await booted(where);
      const installed = await update(where, 'a1', { fixes: 'CVE-2026-1234\n' });
      await installUpdate(installed, kernel);
      const foreign = { release: '6.9.0-test', buildId: 'ab'.repeat(10) };
      await installUpdate(await update(where, 'c1', foreign), kernel);
      const status = await statusOf(kernel);
      expect(status).toMatchObject({
        updates: [{ id: 'a1', stage: null, installed: true, fixes: { cves: ['CVE-2026-1234'] } }],
        fixes: { cves: [] },
        verdict: 'not-applied',
      });
      expect(describeStatus(status)).toContain('  a1 [installed, not applied]: a change for tests');
      await apply(installed, kernel);
      expect(await statusOf(kernel)).toMatchObject({ verdict: 'good' });
    }));

  it('tells of an update that is withdrawn, before one that is only not applied', () =>
    withDirectory(async (where) => {
      const kernel = await booted(where);
      const crashing = await update(where, 'a1');
      await installUpdate(crashing, kernel);
      await installUpdate(await update(where, 'b1'), kernel);
      const crash = JSON.stringify({ id: 'a1', bootId: 'old', began: 'yesterday' });
      await writeFile(path.join(kernel.paths.installed, 'updates/a1/crashed.json'), crash);
      const status = await statusOf(kernel);
      expect(status.verdict).toBe('withdrawn');
      expect(describeStatus(status)).toContain(
        '    the machine went down while it was applied (yesterday)',
      );
      // Who applies it by hand has taken it back into use.
      await apply(crashing, kernel);
      expect((await statusOf(kernel)).verdict).toBe('not-applied');
    }));
});

describe('the effective version', () => {
  it('is the same for the same updates in another order, and for no others', () =>
    withDirectory(async (where) => {
      const [a, b] = [await update(where, 'a1'), await update(where, 'b1')];
      const other = await update(path.join(where, 'other'), 'b1', { answer: '43' });
      let hosts = 0;
      const versionWith = async (updates: readonly Update[], build = BUILD) => {
        const kernel = await booted(path.join(where, `host${++hosts}`));
        const notes = `\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0${build}`;
        await kernel.put('sys/kernel/notes', notes);
        for (const one of updates) await apply(one, kernel);
        return (await statusOf(kernel)).effectiveVersion;
      };
      const both = await versionWith([a, b]);
      expect(both).toMatch(/^6\.1\.0-test-amd64\+ksplice\.2\.[0-9a-f]{10}$/);
      expect(await versionWith([b, a])).toBe(both);
      expect(await versionWith([a, other])).not.toBe(both);
      expect(await versionWith([a, b], 'tsrqponmlkjihgfedcba')).not.toBe(both);
      expect(await versionWith([a])).toMatch(/\+ksplice\.1\./);
    }));
});

describe('health', () => {
  it(
    'is bad when the kernel complains after the update, and says in which new code',
    withApplied(async (kernel) => {
      kernel.log = [
        ...kernel.log,
        record('a line', 5),
        { ...record('BUG: said by a program', 6), fromKernel: false },
        record('WARNING: CPU: 0 PID: 7 at net/x.c:12 tcp_v4_rcv+0x12/0x300', 7),
        record(' tcp_v4_rcv+0x12/0x300 [ksplice_a1_vmlinux_new 0123456789abcdef]', 8),
        record('BUG: kernel NULL pointer dereference, address: 0000000000000000', 9),
      ];
      await kernel.put('proc/sys/kernel/tainted', `${(1 << 9) | (1 << 12)}\n`);
      const problems = problemsOf(await statusOf(kernel));
      expect(problems).toEqual([
        'the kernel log, in new code of a1: WARNING: CPU: 0 PID: 7 at net/x.c:12 tcp_v4_rcv+0x12/0x300',
        'the kernel log: BUG: kernel NULL pointer dereference, address: 0000000000000000',
        'the kernel issued a warning (taint W), since the first update was applied',
      ]);
    }),
  );

  it('is not what was wrong before the update', () =>
    withDirectory(async (where) => {
      const kernel = await booted(where);
      await kernel.put('proc/sys/kernel/tainted', `${1 << 9}\n`);
      await apply(await update(where, 'a1'), kernel);
      await kernel.put('proc/sys/kernel/tainted', `${(1 << 9) | (1 << 12) | (1 << 15)}\n`);
      expect((await statusOf(kernel)).health).toEqual({ good: true, problems: [] });
    }));

  it.each([
    ['preparing', 'an apply of a1 was interrupted'],
    ['reversed', 'the modules of a1, which is undone, are still loaded'],
    ['leaving', 'the undo of a1 has not ended'],
  ])('is bad where the stage stays %s', (stage, message) =>
    withApplied(async (kernel) => {
      await kernel.put('sys/kernel/ksplice/a1/stage', `${stage}\n`);
      expect(problemsOf(await statusOf(kernel))).toEqual([expect.stringContaining(message)]);
    })(),
  );

  it(
    'takes new code that stays by rule for a reason to reboot only',
    withApplied(async (kernel) => {
      await kernel.put('sys/kernel/ksplice/a1/stage', 'leaving\n');
      await kernel.put('sys/kernel/ksplice/a1/keep', '1\n');
      expect(await statusOf(kernel)).toMatchObject({
        health: { good: true },
        reboot: { advised: true, reasons: [{ code: 'kept-code' }] },
        fixes: { cves: [] },
      });
    }),
  );

  it(
    'is bad where the kernel and what is remembered disagree',
    withApplied(async (kernel) => {
      await kernel.put('sys/kernel/ksplice/awaited', 'a1 sctp\n');
      expect(problemsOf(await statusOf(kernel))).toEqual([
        'a1 awaits module sctp, which is loaded without its part',
      ]);
      await kernel.forget('sys/kernel/ksplice');
      expect(problemsOf(await statusOf(kernel))).toEqual([
        'a1 is remembered as applied, and the kernel does not have it',
      ]);
      await kernel.put('sys/kernel/ksplice/a1/stage', 'applied\n');
      await kernel.forget('run/updates/a1');
      expect(problemsOf(await statusOf(kernel))).toEqual([
        expect.stringContaining('a1 is applied, and nothing is remembered of it'),
      ]);
    }),
  );
});

describe('a reboot', () => {
  it(
    'is advised for a newer kernel of the same kind, a request, and a kernel that is not whole',
    withApplied(async (kernel) => {
      for (const release of ['6.1.0-rt-amd64', '6.0.9-test-amd64', '6.1.0-test-amd64']) {
        await kernel.put(`boot/vmlinuz-${release}`, 'no image');
      }
      expect((await statusOf(kernel)).reboot).toEqual({ advised: false, reasons: [] });
      await kernel.put('boot/vmlinuz-6.10.0-test-amd64', '');
      await kernel.put('boot/vmlinuz-6.9.0-test-amd64', '');
      await kernel.put('reboot-required', '*** System restart required ***\n');
      await kernel.put('reboot-required.pkgs', 'linux-image\nlibc6\nlibc6\n');
      await kernel.put('proc/sys/kernel/tainted', `${1 << 4}\n`);
      const { reasons } = (await statusOf(kernel)).reboot;
      expect(reasons.map(({ message }) => message)).toEqual([
        'Linux 6.10.0-test-amd64 is installed',
        `${kernel.paths.rebootRequired} is there (packages: linux-image, libc6)`,
        'the processor reported a machine check (taint M)',
      ]);
    }),
  );
});

describe('the forms for others', () => {
  it(
    'are metrics, each with its help and type, and labels that cannot break out',
    withApplied(async (kernel) => {
      const status = await statusOf(kernel);
      const odd = { ...status, effectiveVersion: 'a"b\\c\nd' };
      const text = prometheusText(odd, 1234.5);
      const names = new Set<string>();
      for (const line of text.trimEnd().split('\n')) {
        const [, name] =
          /^(?:# (?:HELP|TYPE) )?(\w+)(?:\{\w+="(?:[^"\\\n]|\\[\\"n])*"(?:,\w+="(?:[^"\\\n]|\\[\\"n])*")*\})? \S/.exec(
            line,
          ) ?? [];
        expect(name, line).toBeDefined();
        names.add(name!);
      }
      for (const name of names) expect(text).toContain(`# TYPE ${name} gauge\n${name}`);
      expect(text).toContain('effective_version="a\\"b\\\\c\\nd"} 1\n');
      expect(text).toContain('ksplice_fixed_cve{cve="CVE-2026-1234",id="a1"} 1\n');
      expect(text).toContain('ksplice_status 0\n');
      expect(text).toContain('ksplice_status_timestamp_seconds 1234.5\n');
    }),
  );

  it(
    'are an OpenVEX document with one statement for each CVE, whoever fixes it',
    withApplied(async (kernel, where) => {
      const fixes = 'CVE-2026-1234\nCVE-2026-5678\n';
      await apply(await update(where, 'b1', { fixes }), kernel);
      await installUpdate(await update(where, 'c1', { fixes: 'CVE-2026-9999\n' }), kernel);
      const document = vexDocument(await statusOf(kernel), '2026-01-02T03:04:05Z');
      expect(document).toMatchObject({
        '@context': 'https://openvex.dev/ns/v0.2.0',
        '@id': expect.stringMatching(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        version: 1,
      });
      const product = `pkg:deb/debian/linux-image-${RELEASE}@6.1.1-1?arch=amd64`;
      expect(document.statements).toMatchObject([
        { vulnerability: { name: 'CVE-2026-1234' }, products: [{ '@id': product }] },
        { vulnerability: { name: 'CVE-2026-5678' }, status: 'fixed' },
      ]);
      expect(document.statements[0]?.status_notes).toContain('a1, b1');
    }),
  );
});
