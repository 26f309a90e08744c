// The kernel core as an engine, through its files in sysfs: /sys/kernel/ksplice/api_version, and
// a directory for each update of which modules are registered.

import path from 'node:path';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import { plainName } from '../module/new-code-names.js';
import { CORE_MODULE, isUpdateId, modulePrefix } from '../update/contents.js';
import type {
  Awaited,
  Conflict,
  Engine,
  ReplacedFunction,
  Stage,
  SwitchOptions,
  Timing,
} from './engine.js';
import { switchStage } from './switching.js';

const STAGES: readonly string[] = ['preparing', 'applied', 'leaving', 'reversed'];

export class Core implements Engine {
  readonly module = CORE_MODULE;
  private readonly directory: string;

  constructor(private readonly host: Host) {
    this.directory = path.join(host.paths.sysfs, 'kernel', 'ksplice');
  }

  /** Version of its interface; undefined if the core is not loaded. */
  async apiVersion(): Promise<number | undefined> {
    const text = await this.host.read(this.directory, 'api_version');
    return text === undefined ? undefined : Number(text);
  }

  /** The updates that the core knows, sorted. */
  async ids(): Promise<string[]> {
    const names = await this.host.list(this.directory);
    const found = (await this.awaited()).map(({ id }) => id);
    for (const name of names.sort()) {
      if (isUpdateId(name) && (await this.stage(name)) !== undefined) found.push(name);
    }
    return [...new Set(found)].sort();
  }

  /** undefined if the core does not know the update. */
  async stage(id: string): Promise<Stage | undefined> {
    const stage = await this.attribute(id, 'stage');
    return stage !== undefined && STAGES.includes(stage) ? (stage as Stage) : undefined;
  }

  async switchTo(
    id: string,
    stage: 'applied' | 'reversed' | 'try',
    options: SwitchOptions,
    ui: Ui,
  ): Promise<number> {
    return switchStage(id, this, stage, options, ui);
  }

  /** Asks for the switch; returns the errno's name if it was refused. */
  async setStage(id: string, stage: 'applied' | 'reversed' | 'try'): Promise<string | undefined> {
    return this.host.write(path.join(this.directory, id, 'stage'), stage);
  }

  /** What has not come yet, in the order in which it is applied. */
  async awaited(): Promise<Awaited[]> {
    return linesOf(await this.host.read(this.directory, 'awaited')).flatMap((line) => {
      const [id, target] = line.split(' ');
      return id && target ? [{ id, target }] : [];
    });
  }

  /** The modules that an update awaits. */
  async waiting(id: string): Promise<string[]> {
    return (await this.awaited()).filter((one) => one.id === id).map(({ target }) => target);
  }

  /**
   * Has the core await a module: returns the errno's name if it did not take it, "EBUSY"
   * if the module is loaded or being loaded.
   * @param helper what the core calls then: a program and its first arguments
   */
  async expect({ id, target }: Awaited, helper: readonly string[]): Promise<string | undefined> {
    const errno = await this.host.write(path.join(this.directory, 'helper'), helper.join('\n'));
    return errno ?? this.host.write(path.join(this.directory, 'awaited'), `+${id} ${target}`);
  }

  /**
   * Ends that, for all that an update still awaits, or all but some.
   * @returns the errno's name with which one was refused
   */
  async stopExpecting(id: string, but: readonly string[] = []): Promise<string | undefined> {
    let refused: string | undefined;
    for (const target of await this.waiting(id)) {
      if (but.includes(target)) continue;
      const file = path.join(this.directory, 'awaited');
      const errno = await this.host.write(file, `-${id} ${target}`);
      refused ??= errno;
    }
    return refused;
  }

  /** "ok" or the word that says why not; undefined if the core does not know the update. */
  async abortCause(id: string): Promise<string | undefined> {
    return this.attribute(id, 'abort_cause');
  }

  /** One line a place where the running kernel differs; undefined without the right to read them. */
  async mismatches(id: string): Promise<string[] | undefined> {
    const text = await this.attribute(id, 'match');
    return text === undefined ? undefined : linesOf(text);
  }

  /** undefined without the right to read them: they tell what others run. */
  async conflicts(id: string): Promise<Conflict[] | undefined> {
    const text = await this.attribute(id, 'conflicts');
    if (text === undefined) return undefined;
    return linesOf(text).flatMap((line) => {
      // The core leaves no blank in a task's name; a module's function is "NAME [MODULE]".
      const [, pid, task, name] = /^(\d+) (\S+) (.+)$/.exec(line) ?? [];
      return pid === undefined
        ? []
        : [{ pid: Number(pid), task: task ?? '', function: plainName(name ?? '') }];
    });
  }

  /** undefined without the right to read them: they tell addresses. */
  async functions(id: string): Promise<ReplacedFunction[] | undefined> {
    const text = await this.attribute(id, 'functions');
    if (text === undefined) return undefined;
    return linesOf(text).flatMap((line) => {
      const [target, name, oldAddress, length, newAddress] = line.split(' ');
      if (!target || !name || !oldAddress || !length || !newAddress) return [];
      const [from, to] = [shown(oldAddress), shown(newAddress)];
      return [{ target, name, oldAddress: from, length: Number(length), newAddress: to }];
    });
  }

  /**
   * The kprobes in functions that an update replaces: "tcp_v4_rcv+0x1d", but not those that ftrace
   * makes, which are in nobody's way. None where debugfs is not mounted, or is not to be read.
   */
  async probes(id: string): Promise<string[]> {
    const { sysfs } = this.host.paths;
    const list = await this.host.read(sysfs, 'kernel', 'debug', 'kprobes', 'list');
    const functions = (await this.functions(id)) ?? [];
    const others = linesOf(list).filter((line) => !line.includes('[FTRACE]'));
    return others.flatMap((line) => {
      // ADDRESS TYPE NAME+0xOFFSET [MODULE]... and what state it is in.
      const [, name, offset = '', module = 'vmlinux'] =
        /^\S+\s+\S+\s+([^\s+]+)\+0x([0-9a-f]+)(?:\s+(\w+))?/.exec(line) ?? [];
      const isIn = functions.some(
        (one) =>
          one.name === name && one.target === module && Number.parseInt(offset, 16) < one.length,
      );
      return isIn ? [`${name}+0x${offset}`] : [];
    });
  }

  /** The attempts at the last step, the latest first; none before the first. */
  async timings(id: string): Promise<Timing[]> {
    return linesOf(await this.attribute(id, 'timing')).map((line) => {
      const pairs = [...line.matchAll(/(\w+)=(\d+)/g)];
      return Object.fromEntries(pairs.map(([, name, value]) => [name as string, Number(value)]));
    });
  }

  /** The functions that may be busy when they are switched. */
  async allowBusy(id: string): Promise<string[]> {
    return ((await this.attribute(id, 'allow_busy')) ?? '').split(' ').filter((name) => name);
  }

  /** Sets them, before the update is applied; returns the errno's name if it was refused. */
  async setAllowBusy(id: string, names: readonly string[]): Promise<string | undefined> {
    return this.host.write(path.join(this.directory, id, 'allow_busy'), names.join(' '));
  }

  /** Sets what gives way to it, before the update is applied; returns the errno's name if it was refused. */
  async setReplaces(id: string, ids: readonly string[]): Promise<string | undefined> {
    return this.host.write(path.join(this.directory, id, 'replaces'), ids.join(' '));
  }

  /** Sets for how long its switch may stop the machine, in nanoseconds; returns the errno's name if it was refused. */
  async setMaxStop(id: string, ns: number): Promise<string | undefined> {
    return this.host.write(path.join(this.directory, id, 'max_stop_ns'), String(ns));
  }

  /** Whether its new code stays loaded after undo, since others may have addresses of it. */
  async keeps(id: string): Promise<boolean> {
    return (await this.attribute(id, 'keep')) === '1';
  }

  /** Says that nobody uses its new code after undo; returns the errno's name if it was refused. */
  async letGo(id: string): Promise<string | undefined> {
    return this.host.write(path.join(this.directory, id, 'keep'), '0');
  }

  /** Takes that back, if anybody has said so before; returns the errno's name if it was refused. */
  async holdBack(id: string): Promise<string | undefined> {
    if ((await this.attribute(id, 'keep')) === undefined) return undefined;
    return this.host.write(path.join(this.directory, id, 'keep'), '1');
  }

  /** The ids of the updates that it was made on top of, the oldest first. */
  async on(id: string): Promise<string[]> {
    return linesOf(await this.attribute(id, 'on'));
  }

  /** Loaded modules of one update, the one loaded last first. */
  async modulesOf(id: string): Promise<string[]> {
    return (await this.loadedModules()).filter((name) => name.startsWith(modulePrefix(id)));
  }

  /** Which was applied first since the core was loaded, second, and so on, from 1; 0 if it is not applied. */
  async order(id: string): Promise<number> {
    return Number((await this.attribute(id, 'order')) ?? 0);
  }

  /** Letters of the taints that an update's modules brought ("OEK"; Documentation/admin-guide/tainted-kernels.rst). */
  async taint(id: string): Promise<string> {
    const { sysfs } = this.host.paths;
    const modules = [CORE_MODULE, ...(await this.modulesOf(id))];
    const letters = await Promise.all(
      modules.map((module) => this.host.read(sysfs, 'module', module, 'taint')),
    );
    return [...new Set(letters.join(''))].sort().join('');
  }

  /** Whether any module of any update is loaded, or awaited. */
  async isUsed(): Promise<boolean> {
    if ((await this.awaited()).length > 0) return true;
    const modules = await this.loadedModules();
    return modules.some((name) => name.startsWith(`${CORE_MODULE}_`));
  }

  /**
   * Whether the core has to stay although nothing of an update is there any more: ftrace, which has
   * stopped itself, still refers to it. The kernel log says so.
   */
  async isKept(): Promise<boolean> {
    if (await this.isUsed()) return false;
    const holders = await this.host.read(this.host.paths.sysfs, 'module', CORE_MODULE, 'refcnt');
    return Number(holders ?? 0) > 0;
  }

  private async loadedModules(): Promise<string[]> {
    // The kernel lists the newest first.
    const text = (await this.host.read(this.host.paths.proc, 'modules')) ?? '';
    return linesOf(text).map((line) => line.split(' ', 1)[0] as string);
  }

  private async attribute(id: string, name: string): Promise<string | undefined> {
    return this.host.read(this.directory, id, name);
  }
}

/** An address that the kernel shows; a hidden one reads as zero. */
function shown(address: string): string | null {
  return /^0x0*$/.test(address) ? null : address;
}

function linesOf(text: string | undefined): string[] {
  return (text ?? '').split('\n').filter((line) => line !== '');
}
