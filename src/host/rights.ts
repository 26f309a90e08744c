// Whether this process may change the running kernel, and what the kernel says if it may not.

import { KspliceError, type Problem } from '../base/errors.js';
import type { Host } from './host.js';

// CAP_SYS_MODULE in the masks of /proc/self/status.
const CAP_SYS_MODULE = 16n;
/** How many user ids the namespace has that the kernel itself knows. */
const EVERY_UID = 2 ** 32 - 1;
/** What the core, or a security module before it, says to a write without the right. */
const REFUSALS: readonly string[] = ['EPERM', 'EACCES'];

/** Why this process may neither load modules nor write to the core. */
export async function rightsProblems(host: Host): Promise<Problem[]> {
  if (host.uid !== 0) {
    const advice = 'Run it with sudo, or from a root shell.';
    return [{ code: 'not-root', message: 'only root can change the running kernel', advice }];
  }
  const problems: Problem[] = [];
  const map = (await host.read(host.paths.proc, 'self', 'uid_map'))?.trim().split(/\s+/);
  if (map && Number(map[2]) !== EVERY_UID) {
    problems.push({
      code: 'not-root',
      message: 'this is root of a user namespace only (/proc/self/uid_map)',
      advice: 'In a container: run it on the host. The kernel belongs to all containers.',
    });
  }
  const status = (await host.read(host.paths.proc, 'self', 'status')) ?? '';
  const [, mask] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  if (mask !== undefined && ((BigInt(`0x${mask}`) >> CAP_SYS_MODULE) & 1n) === 0n) {
    problems.push({
      code: 'not-root',
      message: 'this process is root without the right to load modules (CAP_SYS_MODULE)',
      advice: 'In a container: run it on the host. The kernel belongs to all containers.',
    });
  }
  return problems;
}

/** Whether no module can be loaded or unloaded any more. */
export async function areModulesDisabled(host: Host): Promise<boolean> {
  return (await host.read(host.paths.proc, 'sys', 'kernel', 'modules_disabled')) === '1';
}

/** Why nothing can be loaded. */
export async function loadingProblems(host: Host): Promise<Problem[]> {
  if (!(await areModulesDisabled(host))) return [];
  return [
    {
      code: 'load-failed',
      message: 'loading and unloading modules is switched off (kernel.modules_disabled=1)',
      advice: 'The kernel does not allow anybody to switch it on again before the next boot.',
    },
  ];
}

/**
 * @param errno with which a write to a file of the core ended
 * @throws KspliceError `not-root` if it was refused for want of the right
 */
export function requirePermission(what: string, errno: string | undefined): void {
  if (errno === undefined || !REFUSALS.includes(errno)) return;
  throw new KspliceError('not-root', `the kernel did not let this process ${what} (${errno})`, {
    advice:
      'It needs CAP_SYS_MODULE for each write below /sys/kernel/ksplice, and sysfs mounted for writing: run it as root, on the host and not in a container. A security module (AppArmor, SELinux) may forbid it, too.',
  });
}
