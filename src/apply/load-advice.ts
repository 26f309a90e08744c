// Why the kernel did not take a module: insmod has an errno's words, the log
// sometimes the reason. Where a setting forbids it, the advice names the setting.

/** Words of insmod or of the kernel log, and their meaning. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /Lockdown: .*module/,
    'The kernel is locked down (lockdown=integrity or =confidentiality, /sys/kernel/security/lockdown) and takes only ' +
      'modules signed with a key that it trusts: enrol the certificate of --sign-cert, with mokutil --import.',
  ],
  [
    /Key was rejected by service|Required key not available|Loading of .* is rejected/,
    'The kernel takes only modules signed with a key that it trusts (module.sig_enforce=1): enrol the certificate of ' +
      '--sign-cert, with mokutil --import.',
  ],
  [
    /Cannot allocate memory|Out of memory/,
    'The kernel had not enough memory for the module. Free some memory and try again.',
  ],
];

/**
 * What to do after a module was refused.
 * @param said what insmod said
 * @param log what the kernel logged meanwhile
 */
export function loadAdvice(said: string, log: readonly string[]): string {
  const words = [said, ...log].join('\n');
  const [, reason] = REASONS.find(([pattern]) => pattern.test(words)) ?? [];
  const told = log.length > 0 ? `The kernel log says: ${log.slice(-5).join(' | ')}` : undefined;
  const advice = [reason, told].filter((part) => part !== undefined).join(' ');
  return advice || 'The kernel log (dmesg) may say why.';
}
