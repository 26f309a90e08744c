// Why the core did not make a switch: the words of ksplice, which the core writes
// to `abort_cause`, and their meaning for the caller.

import type { ErrorCode } from '../base/errors.js';

export interface AbortCause {
  readonly word: string;
  readonly code: ErrorCode;
  /** Continues "update ID cannot be applied: ". */
  readonly sentence: string;
  readonly advice: string;
}

/** Begins the advice for what may also happen when the old code is back already. */
export const UNCHANGED = 'Nothing was changed. ';

/** Every word that the core can write, except "ok". */
export const ABORT_CAUSES: readonly AbortCause[] = [
  {
    word: 'no_match',
    code: 'no-match',
    sentence: 'the running kernel does not hold the code that the update replaces',
    advice:
      'The update was made from other source or with another configuration or compiler, or something ' +
      'changed the code at run time. The places are listed under "match" (--json or -v). Make the ' +
      'update from the source package of exactly this kernel, and prove it with `ksplice-ts check ' +
      '--live`.',
  },
  {
    word: 'failed_to_find',
    code: 'no-match',
    sentence: 'code or data that the update needs was not found in the running kernel',
    advice:
      'A symbol has no address in this kernel, or more than one address fits. The places are listed ' +
      'under "match". Check that the update was made for exactly this kernel. A kernel without ' +
      'CONFIG_KALLSYMS_ALL lacks the names of data.',
  },
  {
    word: 'bad_system_map',
    code: 'no-match',
    sentence: 'symbols of the running kernel are not where the update expects them',
    advice:
      'The module loader bound a symbol to another address than the one in the running code. The ' +
      'System.map from which the update was made belongs to another build: run `ksplice-ts configure` ' +
      'again with the image of this kernel.',
  },
  {
    word: 'code_busy',
    code: 'busy',
    sentence: 'a task is running the code that is to be replaced, or sleeps in it',
    advice:
      'The tasks are listed (a task that /proc does not show any more is exiting). Try again with a ' +
      'longer --timeout, or when they have ended. A function in which some task always sleeps can be ' +
      'replaced only with --allow-busy; docs/busy.md says what you promise with that option.',
  },
  {
    word: 'already_reversed',
    code: 'not-applied',
    sentence: 'the update was already undone',
    advice: 'The old code runs already. `ksplice-ts undo` unloads the modules that remain.',
  },
  {
    word: 'target_not_loaded',
    code: 'target-not-loaded',
    sentence: 'a module that the update changes is not loaded',
    advice: 'Load the module with modprobe and apply the update again.',
  },
  {
    word: 'module_busy',
    code: 'busy',
    sentence:
      'a module of the update, or one that it changes, is being loaded or unloaded, or is still in use',
    advice:
      'Try again in a moment. If the error remains, `cat /proc/modules` shows who uses the module.',
  },
  {
    word: 'out_of_memory',
    code: 'aborted',
    sentence: 'the kernel had not enough memory',
    advice:
      `${UNCHANGED}Stop a large program. If there is enough memory, but in small pieces, run \`echo 1 ` +
      '>/proc/sys/vm/compact_memory`. Then try again. The kernel log says whether a large block was ' +
      'missing.',
  },
  {
    word: 'call_failed',
    code: 'aborted',
    sentence: 'a hook of the update, which runs before the switch, refused it',
    advice:
      'Nothing was changed. The author of the update wrote this hook to check whether the switch may ' +
      'be made now. The kernel log has the message of the hook, if it wrote one. Ask the author which ' +
      'condition the hook waits for; then try again.',
  },
  {
    word: 'stop_too_long',
    code: 'aborted',
    sentence: 'the machine would have been stopped for longer than the policy of this host allows',
    advice:
      `${UNCHANGED}Try again when fewer tasks run, or with a longer --timeout: each attempt is measured ` +
      'anew. The rule is "max-stop-ms" in /etc/ksplice/policy.json.',
  },
  {
    word: 'reserved_text',
    code: 'aborted',
    sentence:
      'the kernel itself rewrites the first bytes of a function that is to be replaced (a jump label, a static ' +
      'call or an alternative)',
    advice:
      'A jump cannot be written there safely. The kernel log names the function. Change the callers of ' +
      'this function instead, if the source allows it.',
  },
  {
    word: 'probed',
    code: 'aborted',
    sentence:
      'a kprobe is where the jump to the new code has to go, or in old code that is to be restored',
    advice:
      'Remove the probe (perf probe -d, a tracing script, or an eBPF program; ' +
      '/sys/kernel/debug/kprobes/list has all probes) and try again. When the probe is removed later, ' +
      'it restores bytes, and these would be wrong in the middle of other code. Probes at the entry of ' +
      'a function that ftrace can trace are not in the way. The kernel log has the place, too.',
  },
  {
    word: 'livepatched',
    code: 'aborted',
    sentence:
      "a livepatch of the kernel's own kind has replaced a function that the update replaces",
    advice:
      'The code of the livepatch would run, whatever the update does. The kernel log and "match" name ' +
      'the livepatch. If its fix is not needed any more, `echo 0 >/sys/kernel/livepatch/NAME/enabled` ' +
      'disables it. Then try again.',
  },
  {
    word: 'ftrace_busy',
    code: 'aborted',
    sentence:
      'ftrace has to redirect a function of the update, but ftrace is switched off, or already ' +
      'redirects the function for another user',
    advice:
      '`sysctl kernel.ftrace_enabled` has to be 1. Only one user at a time may redirect a function: a ' +
      'livepatch, or a BPF program (fmod_ret, struct_ops, lsm) that hooks the function. ' +
      '/sys/kernel/tracing/enabled_functions marks such functions with I or D; `bpftool prog` lists ' +
      'the programs, and /sys/kernel/livepatch the livepatches. Detach that user, then try again. If ' +
      'it was just being attached or detached, try again at once.',
  },
  {
    word: 'ftrace_off',
    code: 'aborted',
    sentence: 'ftrace has to redirect a function of the update, but ftrace has stopped itself',
    advice:
      'ftrace has met an unexpected state: the kernel log has its warning. Only a boot brings ftrace ' +
      'back. Functions that have room for a jump can be replaced without ftrace.',
  },
  {
    word: 'cpu_offline',
    code: 'busy',
    sentence: 'a CPU went offline while the update was applied, and may stand in its new code',
    advice:
      'The stack of an offline CPU cannot be checked. Bring the CPU online (`echo 1 ' +
      '>/sys/devices/system/cpu/cpuN/online`; /sys/devices/system/cpu/offline has the numbers), then ' +
      'undo. After that the CPU may go offline again.',
  },
  {
    word: 'in_interrupts',
    code: 'aborted',
    sentence:
      'a function may run in an NMI, or while the kernel handles a breakpoint, and ftrace cannot redirect it',
    advice:
      'No CPU can be kept out of this function while a jump is written. The kernel log names the ' +
      'function. Change the callers of this function instead, if the source allows it.',
  },
  {
    word: 'addresses_out',
    code: 'aborted',
    sentence: 'others may have addresses in its new code',
    advice:
      '`ksplice-ts undo --dangling` unloads the new code. Use it only if nobody will use these ' +
      'addresses any more.',
  },
  {
    word: 'incomplete',
    code: 'aborted',
    sentence: 'not all modules of the update are loaded',
    advice:
      'A module of the update was unloaded or never loaded. `ksplice-ts undo` removes the modules that ' +
      'are there; then apply the update again.',
  },
  {
    word: 'base_missing',
    code: 'base-missing',
    sentence: 'it was made on top of another update, which is not applied',
    advice:
      'The updates that it needs are listed under "match". Apply them first. They must be exactly the ' +
      'updates on which it was made: a second update made from the same patch is a different one.',
  },
  {
    word: 'stacked',
    code: 'stacked',
    sentence: 'another update was made on top of it',
    advice:
      'Undo the updates that are on top of it first; they are listed under "match". An update whose ' +
      'new code stays loaded after its undo is in the way, too, until `undo --dangling` unloads that ' +
      'code, or until the next boot.',
  },
  {
    word: 'unexpected',
    code: 'aborted',
    sentence: 'something happened that the core did not expect',
    advice:
      `${UNCHANGED}The kernel log says what it was. Another attempt does no harm. If the error comes again, report ` +
      'it together with the log, the output of the same command with -v, and the release of the kernel.',
  },
];

/** The row for a word; for one that a newer core may know, a row that says so. */
export function abortCause(word: string): AbortCause {
  return (
    ABORT_CAUSES.find((cause) => cause.word === word) ?? {
      word,
      code: 'aborted',
      sentence: `the core refused it: ${JSON.stringify(word)}`,
      advice: 'The kernel log may say more.',
    }
  );
}
