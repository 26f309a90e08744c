// What apply and install have in common where they are given a set.

import type { Host } from '../host/host.js';
import type { ThisKernel } from '../update/choose.js';
import type { SetOther } from '../update/set.js';
import type { Option, Outcome } from './command.js';

/** An update, or a set of which one is chosen. */
export const setArgument = {
  type: 'string',
  demandOption: true,
  describe:
    'A ksplice-ID.tar.gz, the directory to which it was unpacked, or a set that `create` made for several kernels',
} as const satisfies Option;

/** The kernel that an update is chosen for. */
export async function thisKernel(host: Host): Promise<ThisKernel> {
  return { release: host.release, buildId: await host.buildId() };
}

/** The set says that this kernel is as it should be. */
export function nothingNeeded({ release, code, message }: SetOther): Outcome {
  return {
    json: {
      id: null,
      changed: false,
      needed: false,
      stage: null,
      release,
      reason: { code, message },
    },
    text: [`This kernel, ${release}, needs no update of the set: ${message}`],
  };
}
