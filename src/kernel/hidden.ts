// Why the kernel shows a process no addresses (kallsyms_show_value()), and what can be done.

/** The file with the setting, below /proc. */
export const KPTR_RESTRICT = 'sys/kernel/kptr_restrict';

/**
 * @param setting kernel.kptr_restrict; undefined where it cannot be read
 */
export function hiddenAdvice(setting: string | undefined): string {
  // From 2 on nobody sees them. Below that it is the process that lacks the right.
  return Number(setting) >= 2
    ? `kernel.kptr_restrict is ${setting}: \`sysctl kernel.kptr_restrict=1\` shows them to root.`
    : 'The kernel shows them to processes with CAP_SYSLOG, which root has outside of containers: run it as root, on the host.';
}
