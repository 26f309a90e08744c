// Whether a reboot is advised although updates are applied, and why.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { engineOf } from '../apply/engines.js';
import { machine } from '../arch/index.js';
import { KspliceError } from '../base/errors.js';
import type { Host } from '../host/host.js';
import { damageFlags } from '../host/taint.js';
import type { UpdateStatus } from './updates.js';

/**
 * - newer-kernel: a newer kernel of the same kind is installed
 * - rebuilt-kernel: the file of this release is another build than the one that runs
 * - asked-for: a package asks for a reboot
 * - damaged: the kernel is not whole any more
 * - kept-code: new code of an update that was undone stays loaded
 */
export interface Reason {
  readonly code: 'newer-kernel' | 'rebuilt-kernel' | 'asked-for' | 'damaged' | 'kept-code';
  readonly message: string;
}

const IMAGE = 'vmlinuz-';

export async function rebootReasons(
  updates: readonly UpdateStatus[],
  tainted: number,
  host: Host,
): Promise<Reason[]> {
  return [
    ...(await installedKernels(host)),
    ...(await askedFor(host)),
    ...damageFlags(tainted).map(
      ({ letter, meaning }): Reason => ({
        code: 'damaged',
        message: `${meaning} (taint ${letter})`,
      }),
    ),
    ...(await keptCode(updates, host)),
  ];
}

async function installedKernels(host: Host): Promise<Reason[]> {
  const { release } = host;
  const names = (await host.list(host.paths.boot)).filter((name) => name.startsWith(IMAGE));
  const newest = names
    .map((name) => name.slice(IMAGE.length))
    .filter((one) => flavour(one) === flavour(release) && compareVersions(one, release) > 0)
    .sort(compareVersions)
    .at(-1);
  const runs = await host.read(host.paths.proc, 'sys/kernel/version');
  const onDisk = await versionOfImage(path.join(host.paths.boot, `${IMAGE}${release}`));
  const isRebuilt = runs !== undefined && onDisk !== undefined && onDisk !== runs;
  return [
    ...(newest === undefined
      ? []
      : [{ code: 'newer-kernel' as const, message: `Linux ${newest} is installed` }]),
    ...(isRebuilt
      ? [
          {
            code: 'rebuilt-kernel' as const,
            message: `another build of ${release} is installed (${onDisk}; this is ${runs})`,
          },
        ]
      : []),
  ];
}

/** As `uname -v` would say; undefined if there is no such image, or none that can be read. */
async function versionOfImage(file: string): Promise<string | undefined> {
  const data = await readFile(file).catch(() => undefined);
  try {
    return data && machine.image.read(data, file).version;
  } catch (error) {
    if (error instanceof KspliceError) return undefined;
    throw error;
  }
}

async function askedFor(host: Host): Promise<Reason[]> {
  const file = host.paths.rebootRequired;
  if ((await host.read(file)) === undefined) return [];
  const packages = new Set((await host.read(`${file}.pkgs`))?.split('\n') ?? []);
  const by = packages.size > 0 ? ` (packages: ${[...packages].join(', ')})` : '';
  return [{ code: 'asked-for', message: `${file} is there${by}` }];
}

async function keptCode(updates: readonly UpdateStatus[], host: Host): Promise<Reason[]> {
  const engine = engineOf(host);
  const reasons: Reason[] = [];
  for (const { id, stage } of updates) {
    if (stage !== 'leaving' || !(await engine.keeps(id))) continue;
    const message = `the new code of ${id}, which is undone, stays loaded until the next boot`;
    reasons.push({ code: 'kept-code', message });
  }
  if (await engine.isKept()) {
    reasons.push({
      code: 'kept-code',
      message: 'the core stays loaded: ftrace has stopped itself',
    });
  }
  return reasons;
}

/** "cloud-amd64": kernels of other kinds take the place of none. */
export function flavour(release: string): string {
  const words = release.split('-').slice(1);
  return words.filter((word) => /^[a-z]/.test(word)).join('-');
}

/** Compares as `sort -V` does: numbers by their value. */
export function compareVersions(a: string, b: string): number {
  const parts = (text: string) => text.match(/\d+|\D+/g) ?? [];
  const [left, right] = [parts(a), parts(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [x = '', y = ''] = [left[at], right[at]];
    if (x === y) continue;
    const areNumbers = /^\d/.test(x) && /^\d/.test(y);
    if (areNumbers && Number(x) !== Number(y)) return Number(x) - Number(y);
    if (!areNumbers) return x < y ? -1 : 1;
  }
  return 0;
}
