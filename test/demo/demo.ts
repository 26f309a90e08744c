// `npm run demo`: the sctp example from the patch to the undo, in an emulated
// machine that runs the distribution's stock kernel, told in a page of output.
// Exit status 0 only when all three states were as they should be.

import { readFile } from 'node:fs/promises';
import { testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from '../vm/harness/index.js';
import { examplePatch, exampleUpdate, kspliceIn, kspliceModules } from '../vm/ksplice.js';
import { KernelSctp } from '../vm/traffic/kernel-sctp.js';
import { userlandAssociation } from '../vm/traffic/userland-sctp.js';
import { heading, line, packetLines, seconds } from './page.js';
import { type Expected, problems } from './verdict.js';

const ID = 'demo';

const failures: string[] = [];

/** Opens an association in user space, shows it, and compares it with what is expected. */
async function show(guest: Guest, traffic: KernelSctp, expected: Expected): Promise<void> {
  const seen = await userlandAssociation(guest);
  await traffic.more();
  for (const packet of packetLines(seen.packets)) line(packet);
  const found = problems(seen, expected);
  line(`ABORTs from the kernel: ${seen.aborts}.  SctpOutOfBlues rose by ${seen.outOfBlues}.`);
  line('Associations between sockets of the kernel itself go on all the time.');
  line(
    found.length === 0 ? 'This is as it should be.' : `NOT as it should be: ${found.join('; ')}`,
  );
  failures.push(...found);
}

async function scene(guest: Guest, update: string): Promise<void> {
  await guest.ok('modprobe sctp');
  const traffic = await KernelSctp.start(guest);

  heading('Before: the stock kernel');
  line(
    "Two programs with an SCTP stack of their own, and the kernel's sctp module loaded as well.",
  );
  line('The kernel does not know their association, and answers each packet of it:');
  await show(guest, traffic, { aborts: true });

  heading(`ksplice-ts apply ksplice-${ID}.tar.gz`);
  const applied = await kspliceIn(guest, `apply ${update}`);
  line(pause(applied));
  line(`Loaded: ${(await kspliceModules(guest)).join(', ')}`);
  await show(guest, traffic, { aborts: false });

  heading(`ksplice-ts undo ${ID}`);
  const undone = await kspliceIn(guest, `undo ${ID}`);
  line(pause(undone));
  const left = await kspliceModules(guest);
  if (left.length > 0) failures.push(`still loaded after undo: ${left.join(', ')}`);
  await show(guest, traffic, { aborts: true });

  const { associations } = await traffic.stop();
  heading('All the while');
  line(
    `${associations} associations between sockets of the kernel were opened, used and closed in order.`,
  );
}

/** How long the machine stood still, from what `apply` and `undo` answer. */
function pause(answer: Record<string, unknown>): string {
  const { window_ns } = (answer.timing ?? {}) as { window_ns?: number };
  if (window_ns === undefined) return 'Done.';
  return `Done; all CPUs were stopped for ${(window_ns / 1e6).toFixed(2)} ms (emulated).`;
}

async function main(): Promise<void> {
  const kernel = await testKernel();
  heading('The patch: docs/examples/sctp.patch');
  const patch = await readFile(examplePatch('sctp'), 'utf8');
  for (const changed of patch.split('\n').filter((text) => /^[+-]/.test(text))) line(changed);

  heading(`ksplice-ts create, for the stock kernel ${kernel.release} (${kernel.version})`);
  const began = performance.now();
  const { file, answer } = await exampleUpdate(kernel, 'sctp', ID, { progress: true });
  const report = answer.report as {
    objects: { object: string; changed: { name: string }[] }[];
    provedAgainst: string | null;
  };
  for (const { object, changed } of report.objects) {
    line(`${object}: ${changed.map(({ name }) => name).join(', ')}`);
  }
  if (report.provedAgainst !== null) line(`Proved against ${report.provedAgainst}.`);
  line(`Made in ${seconds(performance.now() - began)}.`);

  heading('Booting that kernel, unmodified, in an emulated machine');
  await withGuest({ name: 'demo', kernel }, async (guest) => {
    line(await guest.ok('uname -srv'));
    await scene(guest, file);
  });
  line('The machine is off; its kernel log holds no complaint.');
}

try {
  await main();
} catch (error) {
  failures.push(error instanceof Error ? error.message : String(error));
}
heading(failures.length === 0 ? 'All three states were as they should be.' : 'The demo FAILED.');
for (const failure of failures) line(failure);
process.exit(failures.length === 0 ? 0 : 1);
