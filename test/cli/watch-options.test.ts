import { expect, it } from 'vitest';
import { readWatchOptions } from '../../src/cli/watch-options.js';

it('reads durations, probes and the longest stop', () => {
  expect(readWatchOptions({})).toBeUndefined();
  const seconds = (watch: string) => readWatchOptions({ watch })?.seconds;
  expect(['90', '90s', '10m', '2h'].map(seconds)).toEqual([90, 90, 600, 7200]);
  expect(readWatchOptions({ watch: '1m', probe: ['a', 'b'], 'max-stop': 0.5 })).toEqual({
    seconds: 60,
    probes: ['a', 'b'],
    maxStop: 500_000,
  });
});

it.each(['', '0', '0m', '-5', '1.5m', '10 m', '10d', 'm', '9999999'])(
  'takes %j for no duration',
  (watch) => {
    expect(() => readWatchOptions({ watch })).toThrow(/is no duration/);
  },
);

it.each([0, -1, Number.NaN])('takes %d for no limit', (stop) => {
  expect(() => readWatchOptions({ watch: '1m', 'max-stop': stop })).toThrow(/above 0/);
});
