// A booted guest, as tests see it: run commands, read the kernel log, power off.
// Every wait is bounded, and the end of a guest is a verdict of its own: it must
// power itself off, and its kernel log must hold nothing unexpected.

import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestKernel, testKernel } from '../../kernels/kernel.js';
import { spending } from '../../support/spent.js';
import { type AgentMessage, Channel } from './channel.js';
import { Background, type Finished, type RunOptions } from './command.js';
import { guestInitramfs } from './initramfs.js';
import { KernelModules } from './kernel-modules.js';
import { type LogRecord, lockdepWatches, parseRecord, unexpectedRecords } from './kernlog.js';
import { consolePath, HARNESS, initramfsPath, socketPath, startMachine } from './machine.js';
import { chooseShare, startShare } from './share.js';
import { bootedState } from './snapshot.js';
import { within } from './wait.js';

export interface GuestOptions {
  /** the fetched test kernel when absent */
  kernel?: TestKernel;
  /** a word for the folder of the run */
  name?: string;
  /** 2 when absent */
  smp?: number;
  /** when absent, what the kernel needs */
  memoryMb?: number;
  /** QEMU's model and flags; `max` when absent */
  cpu?: string;
  /**
   * Each CPU has a thread of the host, for what is about two at the very same moment. Otherwise
   * they take turns, which costs nothing where one is idle, and less where other tests run
   * beside this one; and QEMU's fault with code that one CPU rewrites while another executes
   * it (docs/kernel-core.md) does not occur.
   */
  parallel?: boolean;
  /** further words for the kernel command line */
  append?: readonly string[];
  /** the whole life of the guest; 10 minutes when absent */
  timeoutMs?: number;
  /** a file that the guest has as /dev/vda (the module is virtio_blk) and may write to */
  disk?: string;
  /**
   * A free port of the host's loopback, which leads to port 22 of the guest. The guest has a network
   * card then; its module is virtio_net, its address 10.0.2.15/24.
   */
  sshPort?: number;
  /** It has a network of its own with a virtio card (virtio_net), where 10.0.2.2 is this machine's loopback. */
  network?: boolean;
  /** complaints and errors in the kernel log that this test means to provoke */
  expectLog?: readonly RegExp[];
}

/** Of kernels that say nothing about it. */
const MEMORY_MB = 1024;
const BOOT_TIMEOUT_MS = 240_000;
const POWEROFF_TIMEOUT_MS = 60_000;
const ANSWER_TIMEOUT_MS = 60_000;
/** Of the kernel log, in the message of a failure. */
const LAST_RECORDS = 20;

export class Guest {
  readonly #folder: string;
  readonly #channel: Channel;
  readonly #machine: ChildProcess;
  readonly #patience: number;
  readonly #expectLog: RegExp[];
  readonly #log: LogRecord[] = [];
  readonly #marks = new Map<string, () => void>();
  readonly #end: Promise<void>;
  readonly #ready: Promise<void>;
  #setReady: () => void = () => {};
  #saidBye = false;
  #ended = false;
  #readyTime = 0;
  #nextMark = 1;

  /** Use `bootGuest` or `withGuest`. */
  constructor(
    folder: string,
    options: GuestOptions & { readonly patience: number },
    channel: Channel,
    machine: ChildProcess,
  ) {
    this.#folder = folder;
    this.#channel = channel;
    this.#machine = machine;
    this.#patience = options.patience;
    this.#expectLog = [...(options.expectLog ?? [])];
    this.#ready = new Promise((resolve) => {
      this.#setReady = resolve;
    });
    this.#end = new Promise((resolve) => {
      machine.on('error', () => resolve());
      machine.on('exit', () => {
        this.#ended = true;
        resolve();
      });
    });
  }

  /** Where the console's output is kept while the guest lives, and after a failure. */
  get console(): string {
    return consolePath(this.#folder);
  }

  /** By how much a wait has to be longer than on the stock kernel. */
  get patience(): number {
    return this.#patience;
  }

  /** Adds records that a test is about to provoke to those that are no failure. */
  expectLog(...patterns: RegExp[]): void {
    this.#expectLog.push(...patterns);
  }

  /** Runs a bash command line to its end. The status is the test's to judge. */
  async run(command: string, options: RunOptions = {}): Promise<Finished> {
    const background = this.spawn(command, options);
    const what = `guest: ${/ksplice-ts\.js (\w+)/.exec(command)?.[1] ?? 'another command'}`;
    try {
      return await spending(what, () =>
        background.finished(options.timeoutMs ?? ANSWER_TIMEOUT_MS),
      );
    } catch (error) {
      background.kill('SIGKILL');
      throw error;
    }
  }

  /** Runs a command that must succeed, and returns its standard output without the last newline. */
  async ok(command: string, options: RunOptions = {}): Promise<string> {
    const { status, signal, stdout, stderr } = await this.run(command, options);
    if (status !== 0) {
      const end = signal === null ? `status ${status}` : signal;
      const output = `${stdout}${stderr}`.slice(-4000);
      throw new Error(`in the guest: ${command}: ${end}\n${output}`);
    }
    return stdout.replace(/\n$/, '');
  }

  /** Starts a command and returns at once. */
  spawn(command: string, options: RunOptions = {}): Background {
    return new Background(this.#channel, (...wait) => this.#within(...wait), command, options);
  }

  /** The contents of a file in the guest. */
  async readFile(path: string): Promise<Buffer> {
    return Buffer.from((await this.#ask({ op: 'read', path })) ?? '', 'base64');
  }

  /** Writes a file in the guest, making its folder. */
  async writeFile(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
    await this.#ask({ op: 'write', path, data: Buffer.from(data).toString('base64'), mode });
  }

  /** The kernel log from boot to now. */
  async dmesg(): Promise<LogRecord[]> {
    // The log comes as a stream of its own: a mark of ours in it tells that all before it is here.
    const text = `harness-mark-${this.#nextMark++}`;
    const arrived = new Promise<void>((resolve) => this.#marks.set(text, resolve));
    this.#channel.send({ op: 'mark', text });
    await this.#within(arrived, ANSWER_TIMEOUT_MS, 'the kernel log did not arrive');
    return [...this.#log];
  }

  /**
   * Powers the guest off and judges it: throws, naming the console file, when it
   * died before, does not go down, or has something unexpected in its kernel log.
   */
  async close(): Promise<void> {
    try {
      const lockdep = await this.ok('cat /proc/lockdep_stats 2>/dev/null || true');
      const records = await this.dmesg();
      this.#channel.send({ op: 'poweroff' });
      await this.#down('the guest did not power itself off');
      if (!this.#saidBye) throw new Error('the guest ended without a verdict');
      const bad = unexpectedRecords(records, this.#readyTime, this.#expectLog);
      if (bad.length > 0) {
        const lines = bad.map(({ text }) => `  ${text}`).join('\n');
        throw new Error(`unexpected in the kernel log of the guest:\n${lines}`);
      }
      if (lockdep !== '' && !lockdepWatches(lockdep))
        throw new Error('lockdep has turned itself off');
    } catch (error) {
      throw await this.failed(error);
    }
    this.#channel.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /**
   * Starts systemd in place of the shell that is the guest's first process; what runs ends.
   * @param root where the root of another system is mounted, for which the present one is left: the files of
   *   the host are in /run/host then
   */
  async startSystemd(root?: string): Promise<void> {
    if (root !== undefined) await this.writeFile('/run/test/root', root);
    const again = new Promise<void>((resolve) => {
      this.#setReady = resolve;
    });
    this.#channel.send({ op: 'systemd' });
    await this.#within(again, BOOT_TIMEOUT_MS, 'systemd did not get as far as our agent');
  }

  /** Cuts the power: what the guest did not get to its disk is lost. */
  async cutPower(): Promise<void> {
    this.#machine.kill('SIGKILL');
    await this.ended();
  }

  /** Waits for the end of a guest that the test has crash; there is no verdict then. */
  async ended(): Promise<void> {
    await this.#down('the guest did not go down');
    this.#channel.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Ends the guest by force and adds to `error` what is known about its end. */
  async failed(error: unknown): Promise<Error> {
    const alive = !this.#ended;
    this.#machine.kill('SIGKILL');
    this.#channel.close();
    const log = this.#log.map(({ time, text }) => `[${(time / 1e6).toFixed(6)}] ${text}\n`);
    await writeFile(join(this.#folder, 'dmesg.log'), log);
    const tail = tellingLines(await readFile(this.console, 'utf8').catch(() => ''));
    const state = alive ? 'was running' : 'had ended';
    // What the console does not show, such as where a program crashed.
    const recent = this.#log.filter(({ time }) => time > this.#readyTime).slice(-LAST_RECORDS);
    const known = [
      `(the guest ${state}; its console and kernel log are in ${this.#folder})`,
      ...tail.map((line) => `  console| ${line}`),
      ...recent.map(({ text }) => `  kernel| ${text}`),
    ];
    return extended(error, known.join('\n'));
  }

  /** @internal the guest's agent has said something that answers no request */
  hear(message: AgentMessage): void {
    if (message.waits) this.#channel.go();
    if (message.ready) this.#setReady();
    if (message.bye) this.#saidBye = true;
    if (message.kmsg === undefined) return;
    const record = parseRecord(message.kmsg);
    if (record === undefined) return;
    const mark = this.#marks.get(record.text);
    if (mark !== undefined) {
      this.#marks.delete(record.text);
      mark();
    } else {
      this.#log.push(record);
    }
  }

  /** @internal waits until the guest takes commands */
  async booted(): Promise<void> {
    await this.#within(this.#ready, BOOT_TIMEOUT_MS, 'the guest did not boot');
    await this.dmesg();
    this.#readyTime = this.#log.at(-1)?.time ?? 0;
  }

  /** `wait`, unless the guest ends before, or the time, which is longer on a slow kernel. */
  async #within<T>(wait: Promise<T>, milliseconds: number, what: string): Promise<T> {
    const died = this.#end.then((): never => {
      throw new Error('the guest ended while the test was waiting for it');
    });
    return Promise.race([within(wait, milliseconds * this.#patience, what), died]);
  }

  #down(what: string): Promise<void> {
    return within(this.#end, POWEROFF_TIMEOUT_MS * this.#patience, what);
  }

  #ask(message: Record<string, unknown>): Promise<string | null> {
    let id = 0;
    const answered = new Promise<string | null>((resolve, reject) => {
      id = this.#channel.request(message, ({ done, failed }) => {
        if (failed === undefined) resolve(done ?? null);
        else reject(new Error(`in the guest: ${failed}`));
      });
    });
    const bounded = this.#within(answered, ANSWER_TIMEOUT_MS, `no answer to ${message.op}`);
    return bounded.finally(() => this.#channel.forget(id));
  }
}

/** `error` itself, with more in its message: it keeps the place in the test that failed. */
function extended(error: unknown, more: string): Error {
  const original = error instanceof Error ? error : new Error(String(error));
  const message = `${original.message}\n${more}`;
  if (original.stack !== undefined) {
    original.stack = original.stack.replace(original.message, () => message);
  }
  original.message = message;
  return original;
}

/** Of a console's output the first complaint and what follows, or else the end. */
function tellingLines(output: string): string[] {
  const lines = output.trimEnd().split('\n');
  const first = lines.findIndex((line) => /\b(BUG|WARNING|Oops|panic)\b/.test(line));
  return first >= 0 ? lines.slice(first, first + 60) : lines.slice(-30);
}

/** Boots a guest and returns when it takes commands. `close()` it, whatever happens. */
export async function bootGuest(options: GuestOptions = {}): Promise<Guest> {
  return spending('boot', () => boot(options));
}

async function boot(options: GuestOptions): Promise<Guest> {
  const kernel = options.kernel ?? (await testKernel());
  const { memoryMb = MEMORY_MB, patience = 1 } = kernel.guest ?? {};
  const folder = await mkdtemp(join(tmpdir(), `ksplice-guest-${options.name ?? 'test'}-`));
  const modules = await KernelModules.of(kernel);
  const share = chooseShare(modules);
  const initramfs = await guestInitramfs(modules, share, join(HARNESS, 'guest'));
  await writeFile(initramfsPath(folder), initramfs);
  await startShare(share, folder);
  let guest: Guest | undefined;
  const channel = await Channel.listen(socketPath(folder), (message) => guest?.hear(message));
  const wanted = {
    kernel,
    share,
    folder,
    smp: options.smp ?? 2,
    memoryMb: options.memoryMb ?? memoryMb,
    cpu: options.cpu ?? 'max',
    parallel: options.parallel ?? false,
    append: options.append ?? [],
    ...(options.disk === undefined ? {} : { disk: options.disk }),
    ...(options.sshPort === undefined ? {} : { sshPort: options.sshPort }),
    network: options.network ?? false,
    timeoutMs: (options.timeoutMs ?? 600_000) * patience,
  };
  const machine = startMachine({ ...wanted, state: await bootedState(wanted, patience) });
  guest = new Guest(folder, { ...options, patience }, channel, machine);
  try {
    await guest.booted();
  } catch (error) {
    throw await guest.failed(error);
  }
  return guest;
}

/** Boots a guest for `body`, then powers it off and judges it; a failure of either is thrown. */
export async function withGuest<T>(
  options: GuestOptions,
  body: (guest: Guest) => Promise<T>,
): Promise<T> {
  const guest = await bootGuest(options);
  let result: T;
  try {
    result = await body(guest);
  } catch (error) {
    throw await guest.failed(error);
  }
  await spending('power off', () => guest.close());
  return result;
}
