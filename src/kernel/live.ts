// The running kernel of this host: symbols from /proc/kallsyms, memory from
// /proc/kcore, modules from /proc/modules. Nothing is loaded and nothing written.

import { readFileSync } from 'node:fs';
import { release, version } from 'node:os';
import { join } from 'node:path';
import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import { hiddenAdvice, KPTR_RESTRICT } from './hidden.js';
import { hidesAddresses, type Kallsyms, parseKallsyms } from './kallsyms-text.js';
import { Kcore } from './kcore.js';
import type { RunningKernel } from './running.js';
import { readWritten, takeBack } from './written.js';

/** The running kernel, with what capture needs beyond matching. */
export interface LiveKernel extends RunningKernel {
  /** As `uname -v` says. */
  readonly version: string;
  readonly kallsyms: Kallsyms;
  /** /proc/kallsyms as it was read. */
  readonly kallsymsText: string;
  /** Loaded modules, by name. */
  readonly modules: ReadonlySet<string>;
}

/**
 * The kernel as it would be without the updates that are applied.
 * @throws KspliceError `not-root`, `unreadable-kernel` with what hides the
 *   kernel's memory or addresses and what can be done about it
 */
export async function openLiveKernel(ui: Ui): Promise<LiveKernel> {
  const kcore = Kcore.open();
  const kallsymsText = readProc('/proc/kallsyms');
  const kallsyms = parseKallsyms(kallsymsText, '/proc/kallsyms', 'unreadable-kernel');
  refuseHiddenAddresses(kallsyms);
  const modules = new Set(
    readProc('/proc/modules')
      .split('\n')
      .flatMap((line) => line.split(' ', 1))
      .filter((name) => name !== ''),
  );
  ui.detail(`running kernel ${release()} with ${modules.size} modules`);
  const written = readWritten();
  return {
    origin: 'the running kernel',
    release: release(),
    version: version(),
    kallsyms,
    kallsymsText,
    modules,
    read: (address, length) => {
      const bytes = kcore.read(address, length);
      if (bytes) takeBack(bytes, address, written);
      return bytes;
    },
    lookup: (name, module) => kallsyms.lookup(name, module),
    hasTarget: (target) => target === 'vmlinux' || modules.has(target),
  };
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (cause) {
    throw new KspliceError('unreadable-kernel', `cannot read ${path}`, { cause });
  }
}

function setting(): string | undefined {
  try {
    return readFileSync(join('/proc', KPTR_RESTRICT), 'latin1').trim();
  } catch {
    return undefined;
  }
}

function refuseHiddenAddresses(kallsyms: Kallsyms): void {
  if (!hidesAddresses(kallsyms)) return;
  if (process.getuid?.() !== 0) {
    throw new KspliceError('not-root', 'the kernel shows its addresses only to root', {
      advice: 'Run it as root.',
    });
  }
  throw new KspliceError('unreadable-kernel', 'the kernel hides its addresses (/proc/kallsyms)', {
    advice: `${hiddenAdvice(setting())} Or check against the image package with --image PATH.`,
  });
}
