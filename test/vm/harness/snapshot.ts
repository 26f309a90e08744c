// The state of a machine that has booted as far as its initramfs, kept in a file: guests that need
// nothing special of the kernel's command line go on from there, which saves more than half of a boot. The root
// is not mounted yet at that point, since QEMU moves no machine that has mounted a folder of the host.
// Such guests have all the kernel at the same random address; others, and other runs, at another.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { locked, removeOld } from '../../support/once.js';
import { spending } from '../../support/spent.js';
import { Channel } from './channel.js';
import {
  HARNESS,
  initramfsPath,
  type MachineOptions,
  monitorPath,
  qemuArguments,
  socketPath,
  startMachine,
} from './machine.js';
import { within } from './wait.js';

const FOLDER = resolve(HARNESS, '../../../.work/booted');
const MINUTE = 60_000;

/**
 * The file with the state that such a machine has after its boot, made now if there is none.
 * @param options of the machine that is to go on from it; its initramfs is in its folder
 * @returns undefined if such a machine has to boot
 */
export async function bootedState(
  options: MachineOptions,
  patience: number,
): Promise<string | undefined> {
  const { append, disk, sshPort } = options;
  const isUsual = append.length === 0 && disk === undefined && sshPort === undefined;
  if (!isUsual || options.share !== '9p' || process.env.KSPLICE_TEST_BOOT) return undefined;
  const file = join(FOLDER, await keyOf(options));
  await mkdir(FOLDER, { recursive: true });
  await locked(join(FOLDER, 'lock'), async () => {
    if (existsSync(file) || existsSync(refusal(file))) return;
    await removeOld(FOLDER);
    await spending('boot for a snapshot', () => make(options, file, patience));
  });
  return existsSync(file) ? file : undefined;
}

/** Of a QEMU that cannot do it: why. Guests boot then. */
function refusal(file: string): string {
  return `${file}.refused`;
}

/** All that the state depends on: the machine, its kernel and what it has booted with. */
async function keyOf(options: MachineOptions): Promise<string> {
  // By how many threads of the host it is emulated is no part of it.
  const here = (word: string) => word.replaceAll(options.folder, '').replace(/thread=\w+/, '');
  return createHash('sha256')
    .update(JSON.stringify([options.kernel, qemuArguments(options).map(here)]))
    .update(await readFile(initramfsPath(options.folder)))
    .digest('hex')
    .slice(0, 16);
}

async function make(options: MachineOptions, file: string, patience: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ksplice-guest-snapshot-'));
  await writeFile(initramfsPath(folder), await readFile(initramfsPath(options.folder)));
  let setBooted: () => void = () => {};
  const booted = new Promise<void>((done) => {
    setBooted = done;
  });
  const channel = await Channel.listen(socketPath(folder), ({ waits }) => waits && setBooted());
  const machine = startMachine({ ...options, folder, monitor: true });
  const ended = once(machine, 'exit');
  try {
    const died = ended.then((): never => {
      throw new Error(`the machine ended before it had booted, see ${folder}`);
    });
    const wait = 4 * MINUTE * patience;
    await within(Promise.race([booted, died]), wait, 'a machine for a snapshot did not boot');
    const said = await within(save(folder, `${file}.part`), wait, 'no snapshot');
    if (/status: completed/.test(said) && existsSync(`${file}.part.done`)) {
      await rename(`${file}.part`, file);
    } else {
      await writeFile(refusal(file), said);
      process.stderr.write(`guests have to boot, no state can be kept; QEMU said: ${said}\n`);
    }
  } finally {
    machine.kill('SIGKILL');
    await ended;
    channel.close();
    await rm(`${file}.part.done`, { force: true });
  }
  await rm(folder, { recursive: true, force: true });
}

/** Has QEMU write the state; all that its monitor says. */
async function save(folder: string, file: string): Promise<string> {
  const monitor = connect(monitorPath(folder));
  let said = '';
  monitor.on('data', (data) => {
    said += data;
  });
  await once(monitor, 'connect');
  const program = `cat >'${file}' && touch '${file}.done'`;
  monitor.write(`migrate "exec:${program}"\ninfo migrate\nquit\n`);
  await once(monitor, 'close');
  return said;
}
