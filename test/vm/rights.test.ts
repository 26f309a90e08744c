// Who may change the kernel, and the settings that forbid it: each refusal names
// its own, and leaves nothing loaded.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readUpdate } from '../../src/update/read.js';
import { testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import {
  asNobody,
  exampleUpdate,
  kspliceFails,
  kspliceIn,
  kspliceModules,
  ROOT,
  toolLine,
} from './ksplice.js';

const PATIENT = { timeoutMs: 240_000 };

let unsigned: string;
let signed: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ksplice-rights-'));
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=somebody'];
  await execa('openssl', [...request, '-keyout', key, '-out', cert]);
  const kernel = await testKernel();
  ({ file: unsigned } = await exampleUpdate(kernel, 'tcp', 'unsigned'));
  const signing = ['--sign-key', key, '--sign-cert', cert];
  ({ file: signed } = await exampleUpdate(kernel, 'sctp', 'signed', { args: signing }));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Refusal {
  code: string;
  message: string;
  advice: string;
  details: { problems?: { code: string; message: string }[] };
}

async function refused(guest: Guest, command: string): Promise<Refusal> {
  const error = (await kspliceFails(guest, command)) as Refusal;
  expect(await kspliceModules(guest)).toEqual([]);
  return error;
}

/** The refusal of a tool that was started by another command. */
async function refusal(guest: Guest, starter: string, command: string): Promise<Refusal> {
  const { stdout } = await guest.run(`${starter} ${toolLine(command)}`, PATIENT);
  return (JSON.parse(stdout) as { error: Refusal }).error;
}

/** The same where nothing is applied. */
async function refusedAs(guest: Guest, starter: string, command: string): Promise<Refusal> {
  const error = await refusal(guest, starter, command);
  expect(await kspliceModules(guest)).toEqual([]);
  return error;
}

/** A signed module's parts (include/linux/module_signature.h). */
function unsign(module: Buffer): { body: Buffer; signature: Buffer } {
  const end = module.length - '~Module signature appended~\n'.length;
  const body = module.subarray(0, end - 12 - module.readUInt32BE(end - 4));
  return { body, signature: module.subarray(body.length, end - 12) };
}

describe('create --sign-key', () => {
  it('signs every module so that openssl and modinfo know whose it is', async () => {
    const { modules } = await readUpdate(signed);
    expect([...modules.keys()]).toContain('ksplice');
    const at = (name: string) => path.join(folder, name);
    const verify = 'cms -verify -binary -inform DER -nointern -noverify -out /dev/null'.split(' ');
    const files = ['-in', at('signature'), '-content', at('body'), '-certfile', at('cert.pem')];
    for (const { data, file } of modules.values()) {
      await writeFile(at(file), data);
      const { stdout } = await execa('modinfo', [at(file)]);
      expect(stdout).toMatch(/^signer: +somebody$/m);
      expect(stdout).toMatch(/^sig_id: +PKCS#7$/m);
      const { body, signature } = unsign(data);
      await writeFile(at('signature'), signature);
      await writeFile(at('body'), body);
      await execa('openssl', [...verify, ...files]);
      await writeFile(at('body'), Buffer.concat([body, Buffer.from([0])]));
      await expect(execa('openssl', [...verify, ...files])).rejects.toThrow();
    }
  });
});

describe('a stock kernel', () => {
  it('with settings that forbid it: the message names each', async () => {
    await withGuest({ name: 'rights', timeoutMs: 850_000 }, async (guest) => {
      await guest.ok('modprobe sctp');
      await guest.ok('echo 2 >/proc/sys/kernel/kptr_restrict');
      expect(await refused(guest, `check --live ${unsigned}`)).toMatchObject({
        code: 'unreadable-kernel',
        advice: expect.stringContaining('kernel.kptr_restrict'),
      });
      const hidden = expect.objectContaining({ oldAddress: null, newAddress: null });
      expect(await kspliceIn(guest, `apply ${unsigned}`)).toMatchObject({ changed: true });
      expect(await kspliceIn(guest, 'view unsigned')).toMatchObject({ functions: [hidden] });
      const ofNobody = JSON.parse(await asNobody(guest, 'view unsigned'));
      const unseen = { functions: null, conflicts: null, match: null };
      expect(ofNobody).toMatchObject({ ok: true, stage: 'applied', ...unseen });
      // Shown again, but not to a process without CAP_SYSLOG, which is told so.
      await guest.ok('echo 1 >/proc/sys/kernel/kptr_restrict');
      const deaf = 'setpriv --bounding-set -syslog --inh-caps -syslog';
      expect(await refusal(guest, deaf, `check --live ${unsigned}`)).toMatchObject({
        code: 'unreadable-kernel',
        advice: expect.stringContaining('CAP_SYSLOG'),
      });
      await kspliceIn(guest, 'undo unsigned');

      // A place that only this process has: the kernel would look for the helper in the root of the first.
      const line = toolLine(`apply --partial ${unsigned}`).replaceAll(
        `${ROOT}/bin`,
        '/opt/here/bin',
      );
      const bind = `mkdir -p /opt/here && mount --bind ${ROOT} /opt/here`;
      const { stdout } = await guest.run(`unshare -m sh -c '${bind} && ${line}'`, PATIENT);
      expect(JSON.parse(stdout)).toMatchObject({
        error: { code: 'writable-by-others', message: expect.stringContaining('/opt/here/bin') },
      });
      expect(await kspliceModules(guest)).toEqual([]);

      const bounded = 'setpriv --bounding-set -sys_module --inh-caps -sys_module';
      for (const command of [`apply ${unsigned}`, 'undo unsigned']) {
        expect(await refusedAs(guest, bounded, command)).toMatchObject({
          code: 'not-root',
          message: expect.stringContaining('CAP_SYS_MODULE'),
        });
      }
      const contained = await refusedAs(
        guest,
        'unshare --user --map-root-user',
        `apply ${unsigned}`,
      );
      expect(contained.code).toBe('not-root');
      expect(contained.message).toContain('user namespace');
      for (const command of ['list', 'boot', 'uninstall x1']) {
        const foreign = JSON.parse(await asNobody(guest, command));
        expect(foreign).toMatchObject({ error: { code: 'not-root' } });
      }

      await guest.ok('echo Y >/sys/module/module/parameters/sig_enforce');
      expect(await refused(guest, `apply ${unsigned}`)).toMatchObject({
        code: 'load-failed',
        message: expect.stringContaining('module.sig_enforce=1'),
      });
      guest.expectLog(/Loading of module with unavailable key is rejected/);
      expect(await refused(guest, `apply ${signed}`)).toMatchObject({
        code: 'load-failed',
        message: expect.stringContaining('Key was rejected'),
        advice: expect.stringMatching(/a key that it trusts \(module\.sig_enforce=1\)/),
      });

      await guest.ok('echo 1 >/proc/sys/kernel/modules_disabled');
      expect(await refused(guest, `apply ${signed}`)).toMatchObject({
        code: 'load-failed',
        message: expect.stringContaining('kernel.modules_disabled=1'),
      });
    });
  });

  it('that unloads no module any more: undo puts the old code back, and says what stays', async () => {
    await withGuest({ name: 'no-unload' }, async (guest) => {
      await guest.ok('modprobe sctp');
      await kspliceIn(guest, `apply ${unsigned}`);
      await guest.ok('echo 1 >/proc/sys/kernel/modules_disabled');
      const undone = await kspliceIn(guest, 'undo unsigned');
      const stayLoaded = undone.stayLoaded as string[];
      expect(undone).toMatchObject({ changed: true, coreUnloaded: false });
      expect(undone.timing).toMatchObject({ window_ns: expect.any(Number) });
      expect([...stayLoaded, 'ksplice'].sort()).toEqual(await kspliceModules(guest));
      // Nothing is taken back in what it reads now: the bytes themselves are the old ones.
      expect(await guest.ok('cat /sys/kernel/ksplice/unsigned/{stage,order}')).toBe('reversed\n0');
      expect(await kspliceIn(guest, `check --live ${unsigned}`)).toMatchObject({ id: 'unsigned' });
      expect(await kspliceIn(guest, 'view unsigned')).toMatchObject({
        stage: 'reversed',
        modules: stayLoaded,
        note: expect.stringContaining('until the next boot'),
        description: expect.any(String),
      });
      expect(await kspliceIn(guest, 'undo unsigned')).toMatchObject({ changed: false, stayLoaded });
    });
  });

  it('that is locked down: so does that', async () => {
    const options = {
      name: 'lockdown',
      append: ['lockdown=integrity'],
      expectLog: [/^Lockdown: /],
    };
    await withGuest(options, async (guest) => {
      await guest.ok('modprobe sctp');
      // Where nobody has mounted securityfs, the refusal is the kernel's own.
      await guest.run('umount /sys/kernel/security');
      for (const update of [unsigned, signed]) {
        expect(await refused(guest, `apply ${update}`)).toMatchObject({
          code: 'load-failed',
          advice: expect.stringMatching(/^The kernel is locked down \(lockdown=/),
        });
      }
      await guest.ok('mount -t securityfs x /sys/kernel/security');
      expect(await refused(guest, `apply ${unsigned}`)).toMatchObject({
        code: 'load-failed',
        message: expect.stringContaining('lockdown=integrity'),
      });
      await guest.ok('echo confidentiality >/sys/kernel/security/lockdown');
      expect(await refused(guest, `apply ${unsigned}`)).toMatchObject({
        message: expect.stringContaining('lockdown=confidentiality'),
      });
      const live = await refused(guest, `check --live ${unsigned}`);
      expect(`${live.message} ${live.advice}`).toContain('locked down (confidentiality)');
    });
  });
});
