// Runs in the guest: applies and undoes one update after another, in one
// process, and prints a line of JSON for each. Marks in the kernel log tell
// the host which of its records belong to which update.
//
// usage: node in-guest.cjs LIST.json    [{ "id", "file", "targets" }, …]

import { readFileSync, writeFileSync } from 'node:fs';
import { execa } from 'execa';
import { applyUpdate } from '../../src/apply/apply.js';
import { undoUpdate } from '../../src/apply/undo-update.js';
import { KspliceError } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { Host } from '../../src/host/host.js';
import { readUpdate } from '../../src/update/read.js';

export interface GuestItem {
  readonly id: string;
  readonly file: string;
  readonly targets: readonly string[];
}

export interface GuestResult {
  readonly id: string;
  readonly outcome: 'clean' | 'conflict' | 'not-loaded' | 'failed';
  readonly message: string;
  readonly applyMs: number;
  /** Functions that the core says are switched. */
  readonly functions: number;
}

const OPTIONS = { timeout: 5_000 };

function mark(text: string): void {
  writeFileSync('/dev/kmsg', `<6>corpus ${text}\n`);
}

async function tryUpdate({ id, file, targets }: GuestItem): Promise<GuestResult> {
  const host = new Host();
  for (const target of targets) {
    if (target === 'vmlinux') continue;
    const { failed, stderr } = await execa('modprobe', [target], {
      reject: false,
      timeout: 60_000,
    });
    if (failed || !(await host.isLoaded(target))) {
      return { id, outcome: 'not-loaded', message: String(stderr), applyMs: 0, functions: 0 };
    }
  }
  mark(`${id} apply`);
  const began = performance.now();
  try {
    const applied = await applyUpdate(await readUpdate(file), host, OPTIONS, silentUi);
    const applyMs = Math.round(performance.now() - began);
    await undoUpdate(id, host, OPTIONS, silentUi);
    return { id, outcome: 'clean', message: '', applyMs, functions: applied.functions.length };
  } catch (error) {
    const busy = error instanceof KspliceError && error.code === 'busy';
    const { message } = error as Error;
    return { id, outcome: busy ? 'conflict' : 'failed', message, applyMs: 0, functions: 0 };
  } finally {
    mark(`${id} end`);
  }
}

async function main(list: string): Promise<void> {
  for (const item of JSON.parse(readFileSync(list, 'utf8')) as GuestItem[]) {
    console.log(JSON.stringify(await tryUpdate(item)));
  }
}

void main(process.argv[2] ?? '');
