// What has a kernel run new code in place of old: everything that the commands ask of it, and
// nothing of how it does that. Today there is one, the kernel core with its files in sysfs.

import type { Ui } from '../base/ui.js';

/**
 * Where an update is: between its first registration and the last unregistration.
 * `leaving`: the old code is back, but a task is still in new code that may be busy, or others
 * may have addresses of it.
 */
export type Stage = 'preparing' | 'applied' | 'leaving' | 'reversed';

/** Figures of one attempt at a switch ("window_ns": 1234), as the core reports them. */
export type Timing = Readonly<Record<string, number>>;

export interface ReplacedFunction {
  readonly target: string;
  readonly name: string;
  /** Addresses in hexadecimal; null where the kernel hides them. Lengths in bytes. */
  readonly oldAddress: string | null;
  readonly length: number;
  readonly newAddress: string | null;
}

/** A task that holds code which is to be replaced. */
export interface Conflict {
  readonly pid: number;
  readonly task: string;
  /** "sctp_rcv+0x1c/0x300 [sctp]"; "unreliable" if nobody can say where it is. */
  readonly function: string;
}

/** A module that is not loaded, and the update that awaits it. */
export interface Awaited {
  readonly id: string;
  readonly target: string;
}

export interface SwitchOptions {
  /** For how long a switch that finds the code in use is tried again, in milliseconds. */
  readonly timeout: number;
}

/** What it knows about updates. None of this needs a right, unless it says so. */
export interface EngineView {
  /** The updates that are known, sorted. */
  ids(): Promise<string[]>;
  /** undefined if the update is not known. */
  stage(id: string): Promise<Stage | undefined>;
  /** What has not come yet, in the order in which it is applied. */
  awaited(): Promise<Awaited[]>;
  /** The modules that an update awaits. */
  waiting(id: string): Promise<string[]>;
  /** "ok" or the word that says why not; undefined if the update is not known. */
  abortCause(id: string): Promise<string | undefined>;
  /** One line a place where the running kernel differs; undefined without the right to read them. */
  mismatches(id: string): Promise<string[] | undefined>;
  /** undefined without the right to read them: they tell what others run. */
  conflicts(id: string): Promise<Conflict[] | undefined>;
  /** undefined without the right to read them: they tell addresses. */
  functions(id: string): Promise<ReplacedFunction[] | undefined>;
  /**
   * The kprobes in functions that an update replaces: "tcp_v4_rcv+0x1d". None where debugfs is not
   * mounted, or is not to be read.
   */
  probes(id: string): Promise<string[]>;
  /** The attempts at the last step, the latest first; none before the first. */
  timings(id: string): Promise<Timing[]>;
  /** The functions that may be busy when they are switched. */
  allowBusy(id: string): Promise<string[]>;
  /** Whether new code stays loaded after undo, since others may have addresses of it. */
  keeps(id: string): Promise<boolean>;
  /** The ids of the updates that it was made on top of, the oldest first. */
  on(id: string): Promise<string[]>;
  /** Loaded modules of one update, the one loaded last first. */
  modulesOf(id: string): Promise<string[]>;
  /** Which was applied first since the engine was loaded, second, and so on, from 1; 0 if it is not applied. */
  order(id: string): Promise<number>;
  /** Letters of the taints that an update's modules brought ("OEK"; Documentation/admin-guide/tainted-kernels.rst). */
  taint(id: string): Promise<string>;
}

/** What commands have it do. Methods that return an errno's name ("EBUSY") do so if the kernel refused. */
export interface Engine extends EngineView {
  /** The module that it is: loaded before those of any update, and unloaded after them. */
  readonly module: string;
  /** Version of its interface; undefined if it is not loaded. */
  apiVersion(): Promise<number | undefined>;
  /**
   * Makes a switch, or looks whether it could be made; tries it again while the code is in use
   * and time is left.
   * @returns how often it was tried; the new code of an update that is undone may have to stay
   * @throws KspliceError with the abort cause
   */
  switchTo(
    id: string,
    stage: 'applied' | 'reversed' | 'try',
    options: SwitchOptions,
    ui: Ui,
  ): Promise<number>;
  /**
   * Takes note that an update awaits a module; "EBUSY" if that is loaded or being loaded.
   * @param helper what is called then: a program and its first arguments
   */
  expect(awaited: Awaited, helper: readonly string[]): Promise<string | undefined>;
  /** Ends that, for all that an update still awaits, or all but some. */
  stopExpecting(id: string, but?: readonly string[]): Promise<string | undefined>;
  /** Sets the functions that may be busy, before the update is applied. */
  setAllowBusy(id: string, names: readonly string[]): Promise<string | undefined>;
  /** Sets for how long a switch to it may stop the machine, in nanoseconds; undo may take as long as it needs. */
  setMaxStop(id: string, ns: number): Promise<string | undefined>;
  /** Sets the applied updates that an update takes the place of, before it is applied. */
  setReplaces(id: string, ids: readonly string[]): Promise<string | undefined>;
  /** Says that nobody uses an update's new code after undo. */
  letGo(id: string): Promise<string | undefined>;
  /** Takes that back: an undo that was told so may have been refused. */
  holdBack(id: string): Promise<string | undefined>;
  /** Whether any module of any update is loaded, or awaited. */
  isUsed(): Promise<boolean>;
  /** Whether it has to stay although nothing of an update is there any more. */
  isKept(): Promise<boolean>;
}
