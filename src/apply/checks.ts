// What must be so before the first module is loaded. Everything that is not is
// reported at once.

import type { Problem } from '../base/errors.js';
import type { Host } from '../host/host.js';
import { loadingProblems, rightsProblems } from '../host/rights.js';
import { withdrawnProblems } from '../host/withdrawn.js';
import type { TargetChange } from '../update/contents.js';
import { CORE_MODULE } from '../update/contents.js';
import { API_VERSION, type Update } from '../update/update.js';
import { bindingProblems, needsBinding } from './binding.js';
import { engineOf } from './engines.js';

/** The section, and the file in sysfs, with the linker's checksum of a module. */
const BUILD_ID = '.note.gnu.build-id';

/**
 * Why an update cannot be applied to a host, as far as can be told without loading anything.
 * @param partial whether modules may be missing
 */
export async function applyProblems(
  update: Update,
  host: Host,
  partial: boolean,
): Promise<Problem[]> {
  const lists = await Promise.all([
    rightsProblems(host),
    loadingProblems(host),
    modulePolicyProblems(update, host),
    bindingProblems(update, host),
    kernelProblems(update, host),
    coreProblems(host),
    targetProblems(update, host, partial),
    baseProblems(update, host),
    appliedProblems(update, host),
    withdrawnProblems(host, update.id),
  ]);
  return lists.flat();
}

async function modulePolicyProblems(update: Update, host: Host): Promise<Problem[]> {
  const modules = [...update.modules.values()];
  const bound = await needsBinding(update, host);
  if (!bound && modules.every(({ info }) => info.signed)) return [];
  const unsigned = bound
    ? 'without CONFIG_LIVEPATCH the modules are changed before they are loaded, and so lose their signatures'
    : 'the modules are not signed';
  const { sysfs } = host.paths;
  const enforced = await host.read(sysfs, 'module', 'module', 'parameters', 'sig_enforce');
  const lockdown = await host.read(sysfs, 'kernel', 'security', 'lockdown');
  const [, mode] = /\[(\w+)\]/.exec(lockdown ?? '') ?? [];
  const advice = bound
    ? 'Boot a kernel with CONFIG_LIVEPATCH, or one that accepts modules without a signature.'
    : 'Make the update with --sign-key and --sign-cert, for a certificate that the kernel trusts.';
  const settings = [
    ...(enforced === 'Y' ? ['wants signatures (module.sig_enforce=1)'] : []),
    ...(mode !== undefined && mode !== 'none' ? [`is locked down (lockdown=${mode})`] : []),
  ];
  return settings.map((setting) => ({
    code: 'load-failed',
    message: `${unsigned}, and this kernel ${setting}`,
    advice,
  }));
}

async function kernelProblems(update: Update, host: Host): Promise<Problem[]> {
  const { kernel, buildId } = update;
  const advice = 'Make the update for this kernel, or boot the kernel that it was made for.';
  if (kernel.release !== host.release || kernel.machine !== host.machine) {
    const message = `it is for Linux ${kernel.release} ${kernel.machine}, this is Linux ${host.release} ${host.machine}`;
    return [{ code: 'wrong-kernel', message, advice }];
  }
  const running = await host.buildId();
  if (buildId === undefined || running === undefined || buildId === running) return [];
  const message = `it is for another build of Linux ${kernel.release} (its build id is ${buildId}, that of this kernel is ${running})`;
  return [{ code: 'wrong-kernel', message, advice }];
}

async function coreProblems(host: Host): Promise<Problem[]> {
  const state = await host.moduleState(CORE_MODULE);
  if (state === undefined) return [];
  const version = await engineOf(host).apiVersion();
  if (version === API_VERSION && state === 'live') return [];
  return [
    {
      code: 'load-failed',
      message:
        version === undefined
          ? `a module "${CORE_MODULE}" is loaded that does not belong to this program, or is not ready (${state})`
          : `the loaded core has version ${version} of the interface, and the update needs version ${API_VERSION}`,
      advice: `Undo the updates that use it, with the ksplice-ts that applied them; then \`rmmod ${CORE_MODULE}\`.`,
    },
  ];
}

async function targetProblems(update: Update, host: Host, partial: boolean): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { target, behindInit } of update.contents.changes) {
    if (target === 'vmlinux') continue;
    const state = await host.moduleState(target);
    if (state === 'live') continue;
    if (partial && state === undefined) {
      if (behindInit !== undefined) problems.push(cannotBeAwaited(target, behindInit));
      continue;
    }
    problems.push({
      code: 'target-not-loaded',
      message:
        state === undefined
          ? `module ${target}, which the update changes, is not loaded`
          : `module ${target}, which the update changes, is being loaded or unloaded (${state})`,
      advice:
        state === undefined
          ? `\`modprobe ${target}\` loads it. A module that is not loaded does not need the fix yet: --partial applies the other parts now, and this part when the module is loaded.`
          : 'Try again when this has ended.',
    });
  }
  return problems;
}

function cannotBeAwaited(target: string, symbol: string): Problem {
  return {
    code: 'target-not-loaded',
    message: `module ${target} is not loaded, and the update cannot wait for it: its new code needs ${symbol} in the state after the module's init`,
    advice: `\`modprobe ${target}\`, then apply the update.`,
  };
}

async function baseProblems({ id, contents }: Update, host: Host): Promise<Problem[]> {
  const engine = engineOf(host);
  const [stages, awaited] = [
    await Promise.all(contents.on.map((below) => engine.stage(below))),
    await engine.awaited(),
  ];
  // Of one that nothing is loaded of, the core knows what it awaits.
  const isThere = (below: string, stage: string | undefined) =>
    stage === 'applied' || (stage === undefined && awaited.some((one) => one.id === below));
  return contents.on
    .filter((below, i) => !isThere(below, stages[i]))
    .map((below) => ({
      code: 'base-missing',
      message: `update ${id} was made on top of update ${below}, which is not applied`,
      advice: `Apply it first: ksplice-ts apply ksplice-${below}.tar.gz`,
    }));
}

async function appliedProblems(update: Update, host: Host): Promise<Problem[]> {
  const { id } = update;
  const engine = engineOf(host);
  const stage = await engine.stage(id);
  if (stage === 'leaving' && (await engine.keeps(id))) {
    return [
      {
        code: 'busy',
        message: `update ${id} is undone, and its new code stays loaded: others may have addresses in it`,
        advice:
          `Make the update once more, under another id. Or \`ksplice-ts undo ${id} --dangling\` unloads the new code, ` +
          'if nobody will use these addresses any more; then apply it again.',
      },
    ];
  }
  if (stage === 'leaving') {
    return [
      {
        code: 'busy',
        message: `update ${id} is being undone: a task is still in its new code`,
        advice: `\`ksplice-ts undo ${id}\` continues the undo, and names the task; then apply it again.`,
      },
    ];
  }
  if (stage !== 'applied' || (await appliedChanges(update, host)).length > 0) return [];
  return [
    {
      code: 'already-applied',
      message: `another update is applied under the id ${id}: its code differs from this one`,
      advice: `\`ksplice-ts undo ${id}\` undoes it; then apply this one.`,
    },
  ];
}

/**
 * The targets for which this very update is applied: the new code in the kernel has the
 * build ids of its files. None if any of it is another's.
 */
export async function appliedChanges(update: Update, host: Host): Promise<TargetChange[]> {
  const engine = engineOf(host);
  if ((await engine.stage(update.id)) !== 'applied') return [];
  const waiting = await engine.waiting(update.id);
  const applied: TargetChange[] = [];
  for (const change of update.contents.changes) {
    const { newCode, target } = change;
    if (waiting.includes(target)) continue;
    const ours = update.modules.get(newCode.module)?.info.object.section(BUILD_ID)?.data;
    const { sysfs } = host.paths;
    const theirs = await host.readBytes(sysfs, 'module', newCode.module, 'notes', BUILD_ID);
    if (!ours || !theirs?.equals(ours)) return [];
    applied.push(change);
  }
  return applied;
}

/** Whether all of this very update is applied. */
export async function isApplied(update: Update, host: Host): Promise<boolean> {
  const { changes } = update.contents;
  return (await appliedChanges(update, host)).length === changes.length;
}
