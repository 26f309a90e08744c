// Which kernels `npm run test:kernels` has, by name.

import { join } from 'node:path';
import { execaSync } from 'execa';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/scratch.js';

/** What test/run.sh would have around it. */
const AROUND = `
set -euo pipefail
cache=/nowhere
say() { printf '%s\\n' "$*" >&2; }
die() { say "$@"; exit 1; }
update_package_lists() { :; }
source_package() { echo linux-source-5.9; }
newest_series() { echo 5.12; }
self_built_kernels() { printf '%s\\n' self-built debug; }
other_suites() { printf '%s' "$SUITES"; }
`;

function run(call: string, suites = 'sid') {
  const script = `${AROUND}. ${join(ROOT, 'test/setup/kernels.sh')}; ${call}`;
  return execaSync('bash', ['-c', script], { env: { SUITES: suites }, reject: false });
}

describe('the kernels to test on', () => {
  const chosen = (...names: string[]) =>
    run(`chosen_kernels linux-source-5.9 ${names.join(' ')}`).stdout.split('\n');

  it('are found by name, or by what they are called', () => {
    expect(chosen('5.12')).toEqual(['5.12 5.12 - -']);
    expect(chosen('next')).toEqual(['5.12 5.12 - -']);
    expect(chosen('cloud', 'sid-newest-rt')).toEqual([
      '5.9-cloud - cloud -',
      'sid-newest-rt newest rt sid',
    ]);
  });

  it.each(['nosuch', 'sid-cloud sid'])('are only those that there are: %s', (names) => {
    const suites = names === 'nosuch' ? 'sid' : '';
    const { exitCode, stderr } = run(`test_kernels ${names}`, suites);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^There is no kernel ${names}\\. There are: 5\\.12 5\\.9-cloud rt self-built`),
    );
  });
});
