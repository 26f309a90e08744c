// Reads an update that is to change this host: first it is decided whether it may, by its
// checksums and their signature, and only then is anything in it looked at. All of it is in
// memory, so what was verified is what is applied.

import { tmpdir } from 'node:os';
import path from 'node:path';
import { KspliceError, problemsError } from '../base/errors.js';
import { CHECKSUMS, checksumFaults, SIGNATURE } from '../update/checksums.js';
import type { Reader } from '../update/choose.js';
import { bringsHooks } from '../update/hooks-in.js';
import { readUpdateFiles } from '../update/read.js';
import { type Update, verifyUpdate } from '../update/update.js';
import { readTrustFiles, SIGNERS, type TrustFiles, type Who } from './policy.js';
import { verifyText } from './signature.js';
import type { Signer, Trust } from './trust.js';

export interface Trusted {
  readonly update: Update;
  readonly trust: Trust;
  /** For how long its switch may stop the machine here, in milliseconds; undefined for no limit. */
  readonly maxStopMs: number | undefined;
}

/** Where the host has its rules ("/etc/ksplice"), and where root alone can write for a moment. */
export interface TrustPlaces {
  readonly trust: string;
  readonly run: string;
}

/**
 * Reads an update and applies the host's rules to it.
 * @param source and sha256 as for readUpdate()
 * @throws KspliceError `bad-policy`, `untrusted`, `not-allowed`, and as readUpdate()
 */
export async function readTrusted(
  source: string,
  places: TrustPlaces,
  sha256?: string,
): Promise<Trusted> {
  const rules = await readTrustFiles(places.trust);
  const files = await readUpdateFiles(source, sha256);
  const origin = path.basename(path.resolve(source));
  const signer = await judge(files.files, rules, origin, places.run);
  const update = verifyUpdate(files, origin);
  const { maxStopMs } = rules.policy;
  if (signer === 'unsigned' || signer === 'not-verified') {
    requireAllowed(update, rules, undefined);
    return { update, trust: { state: signer }, maxStopMs };
  }
  requireAllowed(update, rules, signer.signer);
  const trust = { state: 'signed', made: update.timestamp, ...signer } as const;
  return { update, trust, maxStopMs };
}

/** The same, as chooseUpdate() wants it. */
export function trusting(places: TrustPlaces): Reader<Trusted> {
  return (source, sha256) => readTrusted(source, places, sha256);
}

async function judge(
  files: ReadonlyMap<string, Buffer>,
  rules: TrustFiles,
  origin: string,
  run: string,
): Promise<Signer | 'unsigned' | 'not-verified'> {
  const signature = files.get(SIGNATURE);
  const sums = files.get(CHECKSUMS);
  const { requireSignature } = rules.policy;
  if (!signature || !sums) {
    if (requireSignature)
      throw untrusted(`${origin} is not signed, and this host's policy requires it`);
    return 'unsigned';
  }
  if (!rules.signers) {
    if (requireSignature) throw untrusted(`this host trusts nobody: there is no ${SIGNERS}`);
    return 'not-verified';
  }
  // /run is there at any time of a boot, and root's; others verify nothing that counts.
  const scratch = process.geteuid?.() === 0 ? path.dirname(run) : tmpdir();
  const signer = await verifyText(sums, signature, rules, scratch);
  if ('fault' in signer)
    throw untrusted(`the signature of ${origin} does not count: ${signer.fault}`);
  const faults = checksumFaults(files);
  if (faults.length > 0) {
    const problems = faults.map((message) => ({ code: 'untrusted' as const, message, advice }));
    throw problemsError('untrusted', `${origin} is not what ${signer.signer} signed`, problems);
  }
  return signer;
}

function requireAllowed(update: Update, { policy }: TrustFiles, signer: string | undefined): void {
  const may = (who: Who) =>
    typeof who === 'boolean' ? who : signer !== undefined && who.includes(signer);
  // A rule that allows a thing to all needs no look at it.
  const refused = [
    ...(!may(policy.allowBusy) && update.allowBusy.length > 0
      ? ([['allow-busy', 'functions that may be busy']] as const)
      : []),
    ...(!may(policy.allowLayout) && update.allowLayout.length > 0
      ? ([['allow-layout', 'types whose layout changes']] as const)
      : []),
    ...(!may(policy.allowHooks) && bringsHooks(update)
      ? ([['allow-hooks', 'hooks']] as const)
      : []),
  ];
  if (refused.length === 0) return;
  const problems = refused.map(([rule, what]) => ({
    code: 'not-allowed' as const,
    message: `it has ${what}, which this host's policy does not allow ${signer ?? 'an unsigned update'}`,
    advice: `The rule is "${rule}" in policy.json (docs/trust.md).`,
  }));
  throw problemsError('not-allowed', `update ${update.id} may not be applied here`, problems);
}

const advice =
  'Nothing was applied. Get the update again from who makes it, signed by a key that this host trusts (docs/trust.md).';

function untrusted(message: string): KspliceError {
  return new KspliceError('untrusted', message, { advice });
}
