// The harness judges everything else, so it is tested for what it must refuse.

import { describe, expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { bootGuest, withGuest } from './harness/index.js';

describe('the guest', () => {
  it('runs the stock kernel with the files of the host and the stock modules', async () => {
    const kernel = await testKernel();
    await withGuest({ name: 'basic' }, async (guest) => {
      expect(await guest.ok('uname -r')).toBe(kernel.release);
      // Although it may go on from where another one was some time ago.
      const late = Date.now() / 1000 - Number(await guest.ok('date +%s'));
      expect(Math.abs(late)).toBeLessThan(60);
      expect(await guest.ok(`cmp ${process.execPath} ${process.execPath} && echo same`)).toBe(
        'same',
      );
      await guest.ok('modprobe sctp && grep -w ^sctp /proc/modules');
      const failed = await guest.run('echo out; echo err >&2; exit 3');
      expect(failed).toMatchObject({ status: 3, stdout: 'out\n', stderr: 'err\n' });
      await guest.writeFile('/run/test/a/b', 'text');
      expect((await guest.readFile('/run/test/a/b')).toString()).toBe('text');
      const cat = guest.spawn('cat; echo end');
      cat.write('hello\n');
      await cat.output(/hello/);
      cat.end();
      expect((await cat.finished()).stdout).toBe('hello\nend\n');
      await expect(guest.run('sleep 100', { timeoutMs: 500 })).rejects.toThrow(/not finished/);
      const text = (await guest.dmesg()).map((record) => record.text).join('\n');
      expect(text).toContain('Linux version');
    });
  });

  it('fails on a complaint in the kernel log that is not expected', async () => {
    const guest = await bootGuest({ name: 'complaint', expectLog: [/an expected WARNING/] });
    await guest.ok('echo "<4>an expected WARNING" >/dev/kmsg');
    await guest.ok('echo "<4>WARNING: something else" >/dev/kmsg; echo "<3>an error" >/dev/kmsg');
    await expect(guest.close()).rejects.toThrow(
      /unexpected in the kernel log of the guest:\n {2}WARNING: something else\n {2}an error\n/,
    );
  });

  it('fails with the end of the console when the kernel dies', async () => {
    const guest = await bootGuest({ name: 'panic' });
    const crash = guest.run('echo c >/proc/sysrq-trigger').catch((error) => guest.failed(error));
    await expect(crash).resolves.toMatchObject({
      message: expect.stringMatching(
        /the guest ended while[\s\S]*console\| .*sysrq triggered crash/i,
      ),
    });
  });
});
