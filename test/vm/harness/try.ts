// Runs command lines in a fresh guest and prints what they print: to look around
// in by hand. Usage: npx tsx test/vm/harness/try.ts COMMAND…

import { withGuest } from './index.js';

await withGuest({ name: 'try' }, async (guest) => {
  for (const command of process.argv.slice(2)) {
    const { status, stdout, stderr, ms } = await guest.run(command, { timeoutMs: 300_000 });
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    console.error(`[${command}: status ${status}, ${(ms / 1000).toFixed(1)} s]`);
  }
});
