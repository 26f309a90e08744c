// A kernel as apply, undo and view see one: directories that look like /sys and
// /proc, and an insmod and rmmod that follow the rules of the real ones. What it
// does wrong is set by the test.

import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { KspliceError } from '../../src/base/errors.js';
import { Host } from '../../src/host/host.js';
import type { LogRecord } from '../../src/host/kernel-log.js';
import { readModule } from '../../src/module/modinfo.js';
import { API_VERSION } from '../../src/update/update.js';
import { RELEASE } from '../update/sample.js';

interface Refusal {
  word: string;
  conflicts?: string;
  match?: string;
  /** Where the update is then, if not where it was. */
  stage?: string;
  /** With which the write ends; EBUSY if not given. */
  errno?: string;
}

export class SimulatedKernel extends Host {
  /** "insmod NAME", "rmmod NAME", "stage ID VALUE", in order; failed ones end with " failed". */
  readonly events: string[] = [];
  /** What insmod was given, by module. */
  readonly files = new Map<string, Buffer>();
  /** Modules that insmod refuses. */
  readonly unloadable = new Set<string>();
  /** Modules that insmod loads though it says that it did not. */
  readonly loadedWithError = new Set<string>();
  /** Modules that rmmod refuses. */
  readonly stuck = new Set<string>();
  /** What run-pre matching finds when old code comes. */
  matchResult: Refusal = { word: 'ok' };
  /** How the next switches are refused; then they work. */
  readonly refusals: Refusal[] = [];
  /** With which an order about messages of pr_debug() is refused. */
  messagesErrno: string | undefined;
  /** A file that this core does not have. */
  unknown = '';
  /** Called with each event. */
  onEvent: (event: string) => void = () => {};
  /** The kernel log. */
  log: LogRecord[] = [];
  /** Whether systemd is the first process, and the state of its units. */
  systemd = true;
  unit = 'active';
  /** What the core awaits: "ID TARGET". */
  awaited: string[] = [];
  private loaded: string[] = [];

  constructor(
    private readonly root: string,
    uid = 0,
    release = RELEASE,
  ) {
    const paths = {
      sysfs: path.join(root, 'sys'),
      proc: path.join(root, 'proc'),
      run: path.join(root, 'run'),
      installed: path.join(root, 'installed'),
      units: path.join(root, 'units'),
      boot: path.join(root, 'boot'),
      rebootRequired: path.join(root, 'reboot-required'),
      packagedUnits: path.join(root, 'packaged-units'),
      trust: path.join(root, 'etc'),
    };
    super(paths, release, 'x86_64', uid);
  }

  /** Lays out the directories, with these modules loaded. */
  async boot(modules: readonly string[] = ['sctp']): Promise<this> {
    await mkdir(path.join(this.root, 'sys/kernel/livepatch'), { recursive: true });
    await mkdir(path.join(this.root, 'proc/sys/kernel'), { recursive: true });
    await this.put('proc/sys/kernel/modules_disabled', '0\n');
    await this.put('proc/self/status', 'Name:\tnode\nCapEff:\t000001ffffffffff\n');
    for (const module of modules) await this.add(module);
    return this;
  }

  /** Modules that are loaded, oldest first. */
  get modules(): readonly string[] {
    return this.loaded;
  }

  async put(name: string, text: string): Promise<void> {
    await mkdir(path.dirname(path.join(this.root, name)), { recursive: true });
    await writeFile(path.join(this.root, name), text);
  }

  /** Removes a directory. */
  async forget(name: string): Promise<void> {
    await rm(path.join(this.root, name), rmOptions);
  }

  /** Loads a module as if another program had. */
  async add(name: string): Promise<void> {
    this.loaded.push(name);
    await this.put(`sys/module/${name}/initstate`, 'live\n');
    await this.listModules();
    if (name === 'ksplice') await this.put('sys/kernel/ksplice/api_version', `${API_VERSION}\n`);
    const id = idOf(name);
    if (id !== undefined) await this.register(id, name);
  }

  /** The same, at once: for `onEvent`. */
  load(name: string): void {
    this.loaded.push(name);
    const directory = path.join(this.root, 'sys/module', name);
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, 'initstate'), 'live\n');
  }

  async stageOf(id: string): Promise<string | undefined> {
    return this.read(this.root, 'sys/kernel/ksplice', id, 'stage');
  }

  /** Everything below /run/ksplice but the lock. */
  async remembered(): Promise<string[]> {
    const names = await readdir(this.paths.run, { recursive: true }).catch(() => []);
    return names.filter((name) => name !== 'lock').sort();
  }

  override async write(file: string, value: string): Promise<string | undefined> {
    const id = path.basename(path.dirname(file));
    if (id === 'dynamic_debug') {
      this.note(`dynamic_debug ${value}`);
      return this.messagesErrno;
    }
    if (id === 'ksplice') return this.writeToCore(path.basename(file), value);
    const name = path.basename(file);
    if (name === this.unknown) return 'ENOENT';
    if (name !== 'stage') {
      this.note(`${name} ${id} ${value}`);
      await this.put(`sys/kernel/ksplice/${id}/${name}`, `${value}\n`);
      return undefined;
    }
    const refusal = this.refusals.shift();
    this.note(`stage ${id} ${value}${refusal ? ' failed' : ''}`);
    if (refusal) {
      await this.verdict(id, refusal);
      if (refusal.stage) await this.put(`sys/kernel/ksplice/${id}/stage`, `${refusal.stage}\n`);
      return refusal.errno ?? 'EBUSY';
    }
    if (value !== 'try') await this.put(`sys/kernel/ksplice/${id}/stage`, `${value}\n`);
    const isOver = (line: string) =>
      line.startsWith(`${id} `) &&
      (value === 'reversed' || this.loaded.includes(`ksplice_${line.replace(' ', '_')}_new`));
    if (value !== 'try') await this.setAwaited(this.awaited.filter((line) => !isOver(line)));
    await this.verdict(id, { word: 'ok' });
    await this.put(`sys/kernel/ksplice/${id}/timing`, 'window_ns=400000 attempts=1 tasks=90\n');
    return undefined;
  }

  private async writeToCore(file: string, value: string): Promise<string | undefined> {
    if (!this.loaded.includes('ksplice')) return 'ENOENT';
    this.note(`${file} ${value.replaceAll('\n', ' ')}`);
    if (file !== 'awaited') return undefined;
    const line = value.slice(1);
    const others = this.awaited.filter((other) => other !== line);
    if (value.startsWith('-')) await this.setAwaited(others);
    else if (this.loaded.includes(line.split(' ')[1] as string)) return 'EBUSY';
    else await this.setAwaited([...others, line]);
    return undefined;
  }

  private async setAwaited(lines: string[]): Promise<void> {
    this.awaited = lines;
    await this.put('sys/kernel/ksplice/awaited', lines.map((line) => `${line}\n`).join(''));
  }

  override logRecords(): LogRecord[] {
    return this.log;
  }

  override async systemctl(...args: readonly string[]): Promise<boolean> {
    this.note(`systemctl ${args.join(' ')}`);
    return true;
  }

  override async runsSystemd(): Promise<boolean> {
    return this.systemd;
  }

  override async systemdRun(words: readonly string[]): Promise<string | undefined> {
    this.note(`systemd-run ${words.join(' ')}`);
    return undefined;
  }

  override async unitState(): Promise<string> {
    return this.unit;
  }

  override async kmod(_: unknown, command: 'insmod' | 'rmmod', argument: string): Promise<void> {
    await this[command](argument);
  }

  async insmod(file: string): Promise<void> {
    const data = await readFile(file);
    const { name, object } = readModule(data, file);
    this.files.set(name, data);
    const refused = this.unloadable.has(name) || this.loaded.includes(name);
    const fails = refused || this.loadedWithError.has(name);
    this.note(`insmod ${name}${fails ? ' failed' : ''}`);
    if (!refused) await this.add(name);
    const build = object.section('.note.gnu.build-id');
    if (!refused && build) {
      await this.put(`sys/module/${name}/notes/${build.name}`, build.data.toString('latin1'));
    }
    if (fails) throw new KspliceError('load-failed', 'insmod: ERROR: could not insert module');
  }

  async rmmod(name: string): Promise<void> {
    const id = idOf(name);
    const isAwaited = this.awaited.some((line) => name === `ksplice_${line.replace(' ', '_')}_new`);
    const isLive = id !== undefined && (await this.stageOf(id)) === 'applied' && !isAwaited;
    const live = isLive && /_new$/.test(name);
    const used = this.awaited.length > 0 || this.loaded.some((other) => idOf(other) !== undefined);
    const needed = name === 'ksplice' && used;
    const fails = !this.loaded.includes(name) || this.stuck.has(name) || live || needed;
    this.note(`rmmod ${name}${fails ? ' failed' : ''}`);
    if (fails) throw new KspliceError('load-failed', `rmmod: ERROR: Module ${name} is in use`);
    this.loaded = this.loaded.filter((other) => other !== name);
    await this.listModules();
    await rm(path.join(this.root, 'sys/module', name), { recursive: true });
    if (name === 'ksplice') await rm(path.join(this.root, 'sys/kernel/ksplice'), rmOptions);
    else if (id !== undefined && !this.loaded.some((other) => idOf(other) === id)) {
      await rm(path.join(this.root, 'sys/kernel/ksplice', id), rmOptions);
    }
  }

  private async register(id: string, name: string): Promise<void> {
    const directory = `sys/kernel/ksplice/${id}`;
    if ((await this.stageOf(id)) === undefined) {
      await this.put(`${directory}/stage`, 'preparing\n');
      await this.put(`${directory}/timing`, '');
      await this.put(`${directory}/functions`, 'vmlinux tcp_v4_rcv 0xffffffff81000000 900 0xff\n');
    }
    if (/_old$/.test(name)) await this.verdict(id, this.matchResult);
  }

  private async verdict(id: string, { word, conflicts = '', match = '' }: Refusal): Promise<void> {
    const directory = `sys/kernel/ksplice/${id}`;
    await this.put(`${directory}/abort_cause`, `${word}\n`);
    await this.put(`${directory}/conflicts`, conflicts);
    await this.put(`${directory}/match`, match);
  }

  private async listModules(): Promise<void> {
    const lines = [...this.loaded].reverse().map((name) => `${name} 16384 0 - Live 0x0\n`);
    await this.put('proc/modules', lines.join(''));
  }

  private note(event: string): void {
    this.events.push(event);
    this.onEvent(event);
  }
}

const rmOptions = { recursive: true, force: true };

function idOf(module: string): string | undefined {
  return /^ksplice_([a-z0-9]+)_/.exec(module)?.[1];
}
