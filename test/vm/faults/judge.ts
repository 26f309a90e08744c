// What a fault left, and what the next call makes of it.

import type { Finished, Guest } from '../harness/index.js';
import { kspliceIn, kspliceModules } from '../ksplice.js';
import { type Fault, ID } from './faults.js';

/** A row of the table. */
export interface Verdict {
  readonly during: string;
  readonly step: string;
  readonly fault: string;
  /** How the call ended: "done", its error code, or "killed". */
  readonly ended: string;
  /** The kernel's code after it. */
  readonly code: 'as before' | 'updated';
  /** Kinds of modules that are left: core, old, new. */
  readonly left: string;
  /** What the next call did with it. */
  readonly next: string;
}

/** Injects one fault; the guest is clean before, and has to be clean at the end. */
export async function judge(guest: Guest, archive: string, fault: Fault): Promise<Verdict> {
  const { during, step } = fault;
  if (during === 'undo') await kspliceIn(guest, `apply ${archive}`);
  const ended = howEnded(await fault.run(guest, archive));
  await lockIsFree(guest);
  const modules = await kspliceModules(guest);
  const stage = await guest.run(`cat /sys/kernel/ksplice/${ID}/stage`);
  const code = stage.stdout.trim() === 'applied' ? 'updated' : 'as before';
  const next = await nextCall(guest, archive, during, code, modules);
  await expectClean(guest, `${during}, ${step}, ${fault.fault}`);
  const left = modules.map((name) => /_(old|new)$/.exec(name)?.[1] ?? 'core').join(', ');
  return { during, step, fault: fault.fault, ended, code, left: left || 'nothing', next };
}

/** The call again, and an undo where that leaves something to undo. */
async function nextCall(
  guest: Guest,
  archive: string,
  during: string,
  code: string,
  modules: readonly string[],
): Promise<string> {
  if (modules.length === 0) return 'nothing to do';
  if (during === 'undo') {
    const rest = modules.filter((name) => name !== 'ksplice');
    if (rest.length > 0) {
      await kspliceIn(guest, `undo ${ID}`);
      return '`undo` unloads it';
    }
  }
  const { changed } = await kspliceIn(guest, `apply ${archive}`);
  if (changed !== (code === 'as before')) throw new Error(`it was ${code}: changed ${changed}`);
  await kspliceIn(guest, `undo ${ID}`);
  return changed ? '`apply` clears it and applies' : '`apply` says that it is applied';
}

function howEnded({ status, signal, stdout, stderr }: Finished): string {
  if (signal === 'SIGKILL' || status === 137) return 'killed';
  if (stdout === '') throw new Error(`it ended with ${signal ?? `status ${status}`}\n${stderr}`);
  const { ok, error } = JSON.parse(stdout) as { ok: boolean; error?: { code: string } };
  if (ok !== (status === 0)) throw new Error(`exit status ${status}, but it said ${stdout}`);
  return ok ? 'done' : `\`${error?.code}\``;
}

/** After a kill the shell, or the insmod under it, may need a moment. */
async function lockIsFree(guest: Guest): Promise<void> {
  await guest.ok('test ! -e /run/ksplice/lock || flock --timeout 30 /run/ksplice/lock true');
}

async function expectClean(guest: Guest, what: string): Promise<void> {
  const modules = await kspliceModules(guest);
  const files = await guest.ok(
    'test ! -e /run/ksplice || find /run/ksplice -mindepth 1 ! -path "*/updates" ! -name lock',
  );
  if (modules.length > 0 || files !== '') {
    throw new Error(`after ${what} there is left: ${modules.join(' ')} ${files}`);
  }
}
