import { expect, it } from 'vitest';
import { probeFailure } from '../../src/install/probe.js';

it('a probe that fails, hangs or cannot be found is a failed probe', async () => {
  expect(await probeFailure('true')).toBeUndefined();
  expect(await probeFailure('exit 3')).toBe('the probe failed (status 3): exit 3');
  expect(await probeFailure('kill -9 $$')).toContain('SIGKILL');
  expect(await probeFailure('no-such-program-here')).toContain('status 127');
  const began = Date.now();
  expect(await probeFailure('sleep 100 & wait', 300)).toBe(
    'the probe hung for 0.3 s: sleep 100 & wait',
  );
  expect(Date.now() - began).toBeLessThan(20_000);
});
