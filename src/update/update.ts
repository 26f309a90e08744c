// An update that was read and found in order, and the rules that make it so.
// Everything is in memory: `apply` gives exactly the checked bytes to the kernel,
// even if the file changes in the meantime.

import { machine } from '../arch/index.js';
import { KspliceError, type Problem, problemsError } from '../base/errors.js';
import { type ModuleInfo, readModule } from '../module/modinfo.js';
import { decodeProgram } from '../program/decode.js';
import type { Program } from '../program/program.js';
import { ADDRESSES_OUT, type AddressOut, parseAddresses } from './addresses-out.js';
import type { UpdateFiles } from './archive.js';
import { checksumFaults } from './checksums.js';
import {
  type Contents,
  isUpdateId,
  type ListedModule,
  moduleFilesOf,
  parseContents,
  quote,
  type TargetChange,
} from './contents.js';
import { FIXES, type Fixes, parseFixes } from './fixes.js';

/** The version of the interface between the core and an update's modules (kmodsrc/ksplice.h). */
export const API_VERSION = 7;
/** The section of an old-code module that holds the match program. */
export const PROGRAM_SECTION = '.ksplice.program';
/** The file with the functions that may be busy, a name in a line; it need not be there. */
export const ALLOW_BUSY = 'allow-busy';

/** The file with the types whose layout may change, a name in a line; it need not be there. */
export const ALLOW_LAYOUT = 'allow-layout';

/** The file with the ids of the updates that this one takes the place of, one in a line; it need not be there. */
export const SUPERSEDES = 'supersedes';

/** The kernel an update was made for: uname's system, release and machine. */
export interface KernelName {
  readonly system: string;
  readonly release: string;
  readonly machine: string;
}

export interface UpdateModule extends ListedModule {
  readonly data: Buffer;
  readonly info: ModuleInfo;
}

export interface Update {
  readonly id: string;
  readonly contents: Contents;
  /** The source patch. */
  readonly patch: string;
  readonly description: string;
  /** When it was made, ISO 8601. */
  readonly timestamp: string;
  readonly kernel: KernelName;
  /** The kernel's own build id, hexadecimal; undefined if it was made without the kernel's image. */
  readonly buildId: string | undefined;
  readonly apiVersion: number;
  /** Functions that may be busy when they are switched, as the source calls them. */
  readonly allowBusy: readonly string[];
  /** Types that change though objects of them may exist, by the word of who made it: "struct foo". */
  readonly allowLayout: readonly string[];
  /** The ids of the updates that it takes the place of. */
  readonly supersedes: readonly string[];
  /** What of its new code others may use after undo. */
  readonly addressesOut: readonly AddressOut[];
  /** What it repairs; nothing if the update is older than the list, or if nothing is known. */
  readonly fixes: Fixes;
  /** debug/report.json: what changed, by object. Undefined if the update has none. */
  readonly report: unknown;
  /** Every file, by its path in the update. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** The modules that contents names, by module name. */
  readonly modules: ReadonlyMap<string, UpdateModule>;
}

/**
 * Checks an update's files against each other.
 * @param origin the archive or directory, for messages
 * @throws KspliceError `bad-update`, with everything that is wrong
 */
export function verifyUpdate({ id, files }: UpdateFiles, origin: string): Update {
  const faults = checksumFaults(files);
  const text = (path: string): string | undefined => {
    const data = files.get(path);
    if (!data) faults.push(`${path} is missing`);
    return data?.toString('utf8');
  };
  const contents = readContents(text('contents'), id, faults);
  const patch = text('patch') ?? '';
  const description = text('description')?.trimEnd() ?? '';
  const timestamp = readTimestamp(text('timestamp'), faults);
  const kernel = readUtsname(text('utsname'), faults);
  const buildId = readBuildId(files, faults);
  const apiVersion = readApiVersion(text('api-version'), faults);
  const allowBusy = readAllowBusy(files.get(ALLOW_BUSY)?.toString('utf8') ?? '', faults);
  const allowLayout = readAllowLayout(files.get(ALLOW_LAYOUT)?.toString('utf8') ?? '', faults);
  const supersedes = readSupersedes(files.get(SUPERSEDES)?.toString('utf8') ?? '', id, faults);
  const addressesOut = parseAddresses(files.get(ADDRESSES_OUT)?.toString('utf8') ?? '');
  const fixes = parseFixes(files.get(FIXES)?.toString('utf8') ?? '');
  faults.push(...fixes.faults);
  if (!addressesOut) faults.push(`${ADDRESSES_OUT} is damaged`);
  const modules = new Map<string, UpdateModule>();
  if (contents && kernel) {
    for (const file of moduleFilesOf(contents)) {
      const module = checkModule(file, files, kernel, faults);
      if (module) modules.set(file.module, module);
    }
    for (const { oldCode } of contents.changes) {
      if (modules.get(oldCode.module)?.info.object.section(PROGRAM_SECTION) === undefined) {
        faults.push(`${oldCode.file} has no match program`);
      }
    }
  }
  const report = readReport(files, faults);
  if (faults.length > 0 || !contents || !kernel || apiVersion === undefined || !addressesOut) {
    throw problemsError('bad-update', `${origin} is not a usable update`, asProblems(faults));
  }
  const allowed = { allowBusy, allowLayout, supersedes, addressesOut, fixes: fixes.fixes };
  const rest = { buildId, apiVersion, ...allowed, report, files, modules };
  return { id, contents, patch, description, timestamp, kernel, ...rest };
}

/**
 * The match program of one target, as `decodeProgram` reads it.
 * @throws KspliceError `bad-update` if there is none
 */
export function programOf(update: Update, change: TargetChange): Buffer {
  const module = update.modules.get(change.oldCode.module);
  const section = module?.info.object.section(PROGRAM_SECTION);
  if (!section) throw new KspliceError('bad-update', `${change.oldCode.file} has no match program`);
  return section.data;
}

/** The same, decoded. Throws what `decodeProgram` throws, too. */
export function decodedProgramOf(update: Update, change: TargetChange): Program {
  return decodeProgram(programOf(update, change), change.oldCode.file);
}

function asProblems(faults: readonly string[]): Problem[] {
  return [...new Set(faults)].map((message) => ({
    code: 'bad-update',
    message,
    advice: 'Get the update again from where it was made, or make it again.',
  }));
}

function checkModule(
  { module, file }: ListedModule,
  files: ReadonlyMap<string, Buffer>,
  kernel: KernelName,
  faults: string[],
): UpdateModule | undefined {
  const data = files.get(file);
  if (!data) {
    faults.push(`${file} is missing`);
    return undefined;
  }
  try {
    const info = readModule(data, file);
    if (info.name !== module) {
      faults.push(`${file} is module ${quote(info.name)}, contents calls it ${module}`);
    }
    if (info.release !== kernel.release) {
      const made = quote(info.release);
      faults.push(`${file} was built for kernel ${made}, the update is for ${kernel.release}`);
    }
    return { module, file, data, info };
  } catch (error) {
    if (!(error instanceof KspliceError)) throw error;
    faults.push(error.message);
    return undefined;
  }
}

function readContents(
  text: string | undefined,
  id: string,
  faults: string[],
): Contents | undefined {
  if (text === undefined) return undefined;
  const parsed = parseContents(text, id);
  faults.push(...parsed.faults);
  return parsed.contents;
}

function readTimestamp(text: string | undefined, faults: string[]): string {
  const timestamp = text?.trim() ?? '';
  if (text !== undefined && Number.isNaN(Date.parse(timestamp))) {
    faults.push(`timestamp says ${quote(timestamp)}, which is not a time`);
  }
  return timestamp;
}

function readUtsname(text: string | undefined, faults: string[]): KernelName | undefined {
  if (text === undefined) return undefined;
  const [, system, release, name] = /^(\S+) (\S+) (\S+)\n?$/.exec(text) ?? [];
  if (system === undefined || release === undefined || name === undefined) {
    faults.push('utsname does not hold one line of system, release and machine');
    return undefined;
  }
  if (name !== machine.name || system !== 'Linux') {
    const said = quote(`${system} ${name}`);
    faults.push(`utsname says ${said}, but updates are for Linux ${machine.name}`);
  }
  return { system, release, machine: name };
}

function readBuildId(files: ReadonlyMap<string, Buffer>, faults: string[]): string | undefined {
  const text = files.get('build-id')?.toString('latin1');
  if (text === undefined) return undefined;
  const [, id] = /^([0-9a-f]{8,128})\n?$/.exec(text) ?? [];
  if (id === undefined) faults.push("build-id does not hold a kernel's build id");
  return id;
}

function readApiVersion(text: string | undefined, faults: string[]): number | undefined {
  if (text === undefined) return undefined;
  const version = /^[0-9]{1,6}\n?$/.test(text) ? Number(text) : undefined;
  if (version === undefined) {
    faults.push('api-version does not hold one number');
  } else if (version !== API_VERSION) {
    faults.push(
      `it is for version ${version} of the core's interface, and this program has version ${API_VERSION}`,
    );
  }
  return version;
}

function readAllowBusy(text: string, faults: string[]): string[] {
  const names = text.split('\n').filter((name) => name !== '');
  for (const name of names) {
    if (!isFunctionName(name)) faults.push(`${quote(name)} in ${ALLOW_BUSY} is no function`);
  }
  return names;
}

function readSupersedes(text: string, id: string | undefined, faults: string[]): string[] {
  const ids = text.split('\n').filter((one) => one !== '');
  for (const one of ids) {
    if (!isUpdateId(one) || one === id) {
      faults.push(`${quote(one)} in ${SUPERSEDES} is no other update's id`);
    }
  }
  return ids;
}

function readAllowLayout(text: string, faults: string[]): string[] {
  const names = text.split('\n').filter((name) => name !== '');
  for (const name of names) {
    if (!/^[A-Za-z_][\w .$]{0,511}$/.test(name)) {
      faults.push(`${quote(name)} in ${ALLOW_LAYOUT} is no type`);
    }
  }
  return names;
}

/** Whether a word can be a function's name: it goes into sysfs, where a blank would part it. */
export function isFunctionName(word: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_.$]{0,511}$/.test(word);
}

function readReport(files: ReadonlyMap<string, Buffer>, faults: string[]): unknown {
  const data = files.get('debug/report.json');
  if (!data) return undefined;
  try {
    return JSON.parse(data.toString('utf8'));
  } catch {
    faults.push('debug/report.json is not JSON');
    return undefined;
  }
}
