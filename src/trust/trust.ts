// What is known of who made an update: found out by trusted.ts, and remembered while it is applied.

import { asOneOf, asRecord, asText, type Decode } from '../base/stored.js';

/** Who signed. */
export interface Signer {
  /** The name in trusted_signers. */
  readonly signer: string;
  /** The key's fingerprint, as `ssh-keygen -l` prints it. */
  readonly key: string;
}

export type Trust =
  /** `made`: when the update was made, ISO 8601, as the signed files say. */
  | ({ readonly state: 'signed'; readonly made: string } & Signer)
  /** `not-verified`: there is a signature, and this host has no list of signers to judge it by. */
  | { readonly state: 'not-verified' | 'unsigned' };

type Signed = Extract<Trust, { readonly state: 'signed' }>;
type Other = Exclude<Trust, Signed>;

const asSigned = asRecord<Signed>({
  state: asOneOf(['signed']),
  made: asText,
  signer: asText,
  key: asText,
});
const asOther = asRecord<Other>({ state: asOneOf(['not-verified', 'unsigned']) });

export const asTrust: Decode<Trust> = (value) => asSigned(value) ?? asOther(value);

/** A line for people: by whom an update was signed. */
export function trustLine(trust: Trust): string {
  switch (trust.state) {
    case 'signed':
      return `It is signed by ${trust.signer} (${trust.key}), and was made ${trust.made}.`;
    case 'not-verified':
      return 'It is signed, but this host has no trusted_signers to verify that by.';
    case 'unsigned':
      return 'It is unsigned.';
  }
}
