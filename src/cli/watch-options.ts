// `apply --watch` on the command line.

import { KspliceError } from '../base/errors.js';
import type { WatchOptions } from '../install/start-watch.js';
import type { Options } from './command.js';

export const watchOptions = {
  watch: {
    type: 'string',
    requiresArg: true,
    conflicts: 'dry-run',
    describe:
      'Watch the kernel log for so long after the switch (90s, 10m, 2h), and take the update back if something is wrong',
  },
  probe: {
    type: 'string',
    array: true,
    nargs: 1,
    implies: 'watch',
    describe: 'With --watch: a command that has to succeed within 10 s, run every few seconds',
  },
  'max-stop': {
    type: 'number',
    implies: 'watch',
    describe: 'With --watch: take the update back if the machine was stopped for more milliseconds',
  },
} as const satisfies Options;

const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600 };

/**
 * What the options say; undefined without --watch.
 * @throws KspliceError `usage`
 */
export function readWatchOptions(args: {
  readonly watch?: string | undefined;
  readonly probe?: readonly string[] | undefined;
  readonly 'max-stop'?: number | undefined;
}): WatchOptions | undefined {
  if (args.watch === undefined) return undefined;
  const [, number, unit = ''] = /^(\d{1,6})([smh]?)$/.exec(args.watch) ?? [];
  const seconds = Number(number ?? 0) * (SECONDS[unit] ?? 0);
  if (seconds === 0) {
    throw new KspliceError('usage', `--watch ${args.watch} is no duration`, {
      advice: 'Examples: 90s, 10m, 2h.',
    });
  }
  const stop = args['max-stop'] ?? Number.POSITIVE_INFINITY;
  if (!(stop > 0)) throw new KspliceError('usage', '--max-stop needs a number above 0');
  return {
    seconds,
    probes: args.probe ?? [],
    maxStop: Number.isFinite(stop) ? Math.ceil(stop * 1e6) : 0,
  };
}
