// /etc/ksplice: who may bring what to this host. All of it is read once, into memory, and only
// what root alone could write counts.

import { lstat, readFile } from 'node:fs/promises';
import path from 'node:path';
import { KspliceError } from '../base/errors.js';
import { asListOf, asOneOf, asRecord, asText, type Decode, fromJson } from '../base/stored.js';
import { exposedFile } from '../base/trust.js';

/** Everybody, nobody, or the signers with these names. */
export type Who = true | false | readonly string[];

export interface Policy {
  /** Refuse updates without a signature that is trusted. */
  readonly requireSignature: boolean;
  /** Whose updates may name functions that may be busy. */
  readonly allowBusy: Who;
  /** Whose updates may change types of which objects may exist. */
  readonly allowLayout: Who;
  /** Whose updates may have hooks. */
  readonly allowHooks: Who;
  /** For how long a switch may stop the machine, in milliseconds; undefined for no limit. */
  readonly maxStopMs: number | undefined;
}

/** What the host's directory of trust has. */
export interface TrustFiles {
  readonly policy: Policy;
  /** In the format of ssh-keygen's allowed_signers; undefined if there is no such file. */
  readonly signers: Buffer | undefined;
  /** Public keys, or a key revocation list, as `ssh-keygen -r` takes them. */
  readonly revoked: Buffer | undefined;
}

/** A minute: who means to allow more gives no limit. */
const MOST_MS = 60_000;

export const POLICY = 'policy.json';
export const SIGNERS = 'trusted_signers';
export const REVOKED = 'revoked_signers';

const NO_POLICY: Policy = {
  requireSignature: false,
  allowBusy: true,
  allowLayout: true,
  allowHooks: true,
  maxStopMs: undefined,
};

const asFlag: Decode<boolean> = (value) => (typeof value === 'boolean' ? value : undefined);
const asNames = asListOf(asText);
/** With a limit of 0 nothing could ever be applied. */
const asLimit: Decode<number> = (value) =>
  typeof value === 'number' && value > 0 && value <= MOST_MS ? value : undefined;
const asWho: Decode<Who> = (value) => asFlag(value) ?? asNames(value);

const MEMBERS = {
  'require-signature': asFlag,
  'allow-busy': asWho,
  'allow-layout': asWho,
  'allow-hooks': asWho,
  'max-stop-ms': asLimit,
} as const;
const asPolicy = asRecord<object, PolicyFile>({}, MEMBERS);
const asMember = asOneOf(Object.keys(MEMBERS));

interface PolicyFile {
  readonly 'require-signature': boolean;
  readonly 'allow-busy': Who;
  readonly 'allow-layout': Who;
  readonly 'allow-hooks': Who;
  readonly 'max-stop-ms': number;
}

/**
 * Reads the host's rules.
 * @param directory "/etc/ksplice"; it need not be there
 * @param owner who may write the files, as root may: who runs this. Only root changes a kernel.
 * @throws KspliceError `bad-policy` if a file cannot be read or understood, or others can write to it
 */
export async function readTrustFiles(
  directory: string,
  owner = process.geteuid?.(),
): Promise<TrustFiles> {
  const readOwn = (name: string) => readUnexposed(path.join(directory, name), owner);
  const text = await readOwn(POLICY);
  const policy = text === undefined ? NO_POLICY : parsePolicy(text.toString('utf8'), directory);
  const signers = await readOwn(SIGNERS);
  const revoked = await readOwn(REVOKED);
  return { policy, signers, revoked };
}

/** A member that is not known may be a rule that is misspelt, so it is as bad as a wrong value. */
function parsePolicy(text: string, directory: string): Policy {
  const file = path.join(directory, POLICY);
  const read = fromJson(text, asPolicy);
  if (!read) throw badPolicy(`${file} is not a policy`);
  for (const name of Object.keys(JSON.parse(text) as object)) {
    if (asMember(name) === undefined) {
      throw badPolicy(`${file} has a rule that is not known: ${JSON.stringify(name)}`);
    }
  }
  return {
    requireSignature: read['require-signature'] ?? NO_POLICY.requireSignature,
    allowBusy: read['allow-busy'] ?? NO_POLICY.allowBusy,
    allowLayout: read['allow-layout'] ?? NO_POLICY.allowLayout,
    allowHooks: read['allow-hooks'] ?? NO_POLICY.allowHooks,
    maxStopMs: read['max-stop-ms'] ?? NO_POLICY.maxStopMs,
  };
}

/** A file that nobody else can write to; undefined if there is none. */
async function readUnexposed(file: string, owner?: number): Promise<Buffer | undefined> {
  try {
    // A link that leads nowhere is no absent file: rules were meant to be there.
    await lstat(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(file, error);
  }
  try {
    const exposed = exposedFile([file], [], owner);
    if (exposed) throw badPolicy(`${exposed.file} ${exposed.why}, so ${file} cannot be relied on`);
    return await readFile(file);
  } catch (error) {
    throw error instanceof KspliceError ? error : unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): KspliceError {
  return badPolicy(`cannot read ${file}: ${(cause as Error).message}`, cause);
}

function badPolicy(message: string, cause?: unknown): KspliceError {
  return new KspliceError('bad-policy', message, {
    advice: `Nothing was applied. docs/trust.md describes the files in /etc/ksplice; they and all directories above them have to be root's, and nobody else may write to them.`,
    cause,
  });
}
