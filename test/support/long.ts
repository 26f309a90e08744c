// Tests of a file that `npm test` leaves to the long ones (test/setup/parts.sh has such files as
// "more"): further forms of what another test of the file shows.

import { it } from 'vitest';

/** Whether the long tests are run. */
export const LONG = process.env.KSPLICE_TEST_LONG !== undefined;

type Test = (name: string, body: () => Promise<void>, ms?: number) => void;

/** `it`, when the long tests are run. Otherwise the test does not exist, so that nothing counts as skipped. */
export const long: Test = LONG ? it : () => undefined;
