// `ksplice-ts status` on a real host: an update that is applied, installed, undone and withdrawn,
// and one whose new code makes the kernel complain. Each exit status comes up.

import { beforeAll, describe, expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import { type Answer, kspliceIn, sourcePatch, TOOL_IN_GUEST, toolLine } from './ksplice.js';
import { Workshop } from './workshop.js';

const kernel = await testKernel();
const ID = 'statustest';
const WORDS = `Subject: [PATCH] proc: complain when the version is read

This is CVE-2026-1234.

Fixes: 1da177e4c3f4 ("Linux-2.6.12-rc2")
---
`;
const FIXES = { cves: ['CVE-2025-4321', 'CVE-2026-1234'], repairs: ['1da177e4c3f4'] };

interface Said extends Answer {
  status: number;
  verdict: string;
  effectiveVersion: string;
  health: { problems: { code: string; message: string; updates: string[] }[] };
}

/** What it says, and its exit status. */
async function statusIn(guest: Guest): Promise<Said> {
  const { status, stdout } = await guest.run(toolLine('status'), { timeoutMs: 120_000 });
  return { ...JSON.parse(stdout), status };
}

describe('status', () => {
  let update: string;
  beforeAll(async () => {
    const workshop = await Workshop.open(kernel, 'status');
    const patch = sourcePatch(kernel, 'fs/proc/version.c', [
      [/\tseq_printf\(m, linux_proc_banner,/, '\tWARN(1, "in new code\\n");\n$&'],
    ]);
    update = await workshop.create(ID, `${WORDS}${patch}`, '--fixes', 'CVE-2025-4321');
  });

  it('tells what a host runs, and whether all is well', async () => {
    const expectLog = [/in new code|WARNING: |Call Trace/];
    await withGuest({ name: 'status', kernel, expectLog }, async (guest) => {
      await guest.ok(
        'mkdir -p /var/lib/ksplice && mount -t tmpfs -o mode=700 none /var/lib/ksplice',
      );
      const bare = await statusIn(guest);
      expect(bare).toMatchObject({ status: 0, verdict: 'good', updates: [] });
      expect(bare.effectiveVersion).toBe(kernel.release);

      await kspliceIn(guest, `apply ${update}`);
      await kspliceIn(guest, `install ${update}`);
      const applied = await statusIn(guest);
      expect(applied).toMatchObject({
        status: 0,
        kernel: { release: kernel.release, buildId: expect.stringMatching(/^[0-9a-f]{16,}$/) },
        updates: [{ id: ID, stage: 'applied', installed: true, fixes: FIXES }],
        fixes: FIXES,
        health: { good: true, problems: [] },
      });
      expect(applied.effectiveVersion).toMatch(/\+ksplice\.1\.[0-9a-f]{10}$/);
      expect(await kspliceIn(guest, `view ${ID}`)).toMatchObject({ fixes: FIXES });

      const metrics = await guest.ok(
        `${TOOL_IN_GUEST} status -q --prometheus --output /run/k.prom && cat /run/k.prom`,
        { timeoutMs: 120_000 },
      );
      expect(metrics).toContain(`ksplice_fixed_cve{cve="CVE-2026-1234",id="${ID}"} 1\n`);
      expect(metrics).toContain('ksplice_healthy 1\n');
      const vex = JSON.parse(
        await guest.ok(`${TOOL_IN_GUEST} status -q --vex`, { timeoutMs: 120_000 }),
      );
      expect(
        vex.statements.map((one: { vulnerability: { name: string } }) => one.vulnerability.name),
      ).toEqual(FIXES.cves);

      await kspliceIn(guest, `undo ${ID}`);
      expect(await statusIn(guest)).toMatchObject({
        status: 10,
        verdict: 'not-applied',
        effectiveVersion: kernel.release,
        fixes: { cves: [] },
      });
      // What a boot leaves that went down while the update was applied.
      const record = `/var/lib/ksplice/updates/${ID}/crashed.json`;
      await guest.ok(`echo '{"id":"${ID}","bootId":"x","began":"then"}' > ${record}`);
      expect(await statusIn(guest)).toMatchObject({ status: 11, verdict: 'withdrawn' });

      const again = await kspliceIn(guest, `apply ${update}`);
      expect(again).toMatchObject({ stage: 'applied' });
      const good = await statusIn(guest);
      expect(good).toMatchObject({ status: 0, effectiveVersion: applied.effectiveVersion });
      await guest.ok('cat /proc/version');
      const bad = await statusIn(guest);
      expect(bad).toMatchObject({ status: 12, verdict: 'unhealthy' });
      expect(bad.health.problems).toMatchObject([
        { code: 'log', updates: [ID], message: expect.stringContaining('WARNING: ') },
        { code: 'taint', message: expect.stringContaining('taint W') },
      ]);
      await kspliceIn(guest, `undo ${ID}`);
    });
  });
});
