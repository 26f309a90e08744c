// A kernel without CONFIG_LIVEPATCH cannot bind the symbols that it does not
// export when it loads a module. They are bound here, just before, to the
// addresses that they have in this boot.

import path from 'node:path';
import { KspliceError, type Problem } from '../base/errors.js';
import { exists, type Host } from '../host/host.js';
import { hiddenAdvice, KPTR_RESTRICT } from '../kernel/hidden.js';
import { hidesAddresses, type Kallsyms, parseKallsyms } from '../kernel/kallsyms-text.js';
import { bindToAddresses, isLivepatchModule } from '../module/absolute.js';
import { withoutSignature } from '../module/modinfo.js';
import type { Update, UpdateModule } from '../update/update.js';

/** Whether modules of the update have to be bound before this kernel can load them. */
export async function needsBinding(update: Update, host: Host): Promise<boolean> {
  const modules = [...update.modules.values()];
  return modules.some(isLivepatch) && !(await resolvesLivepatch(host));
}

/**
 * A module of an update as this kernel can load it.
 * @throws KspliceError `unreadable-kernel`, `unresolved-symbol`
 */
export async function loadable(module: UpdateModule, host: Host): Promise<Buffer> {
  if (!isLivepatch(module) || (await resolvesLivepatch(host))) return module.data;
  // Anew for each module: one may refer to another that was loaded just now.
  const kallsyms = await readAddresses(host);
  return bindToAddresses(withoutSignature(module.data), module.file, (name, object) =>
    kallsyms.lookup(name, object),
  );
}

/** Why the addresses for that cannot be had. */
export async function bindingProblems(update: Update, host: Host): Promise<Problem[]> {
  if (!(await needsBinding(update, host))) return [];
  try {
    await readAddresses(host);
    return [];
  } catch (error) {
    if (!(error instanceof KspliceError)) throw error;
    return [{ code: error.code, message: error.message, advice: error.advice }];
  }
}

const isLivepatch = ({ info }: UpdateModule): boolean => isLivepatchModule(info.object);

/** kernel/livepatch/core.c makes the directory when the kernel boots. */
async function resolvesLivepatch(host: Host): Promise<boolean> {
  return exists(path.join(host.paths.sysfs, 'kernel', 'livepatch'));
}

async function readAddresses(host: Host): Promise<Kallsyms> {
  const why = 'this kernel has no CONFIG_LIVEPATCH, and the addresses for the modules';
  const text = await host.read(host.paths.proc, 'kallsyms');
  if (text === undefined) {
    throw new KspliceError('unreadable-kernel', `${why} cannot be read from /proc/kallsyms`);
  }
  const kallsyms = parseKallsyms(text, '/proc/kallsyms', 'unreadable-kernel');
  if (!hidesAddresses(kallsyms)) return kallsyms;
  const setting = await host.read(host.paths.proc, KPTR_RESTRICT);
  throw new KspliceError(
    'unreadable-kernel',
    `${why} are hidden (kernel.kptr_restrict=${setting ?? '?'})`,
    {
      advice: hiddenAdvice(setting),
    },
  );
}
