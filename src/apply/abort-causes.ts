// Why the core did not make a switch: ksplice's words, which it writes to
// `abort_cause`, and what they mean to whoever called.

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
      'The update was made from other source, with another configuration or compiler, or the code was changed ' +
      'at run time by something else. The places are listed under "match" (--json or -v). Make the update from ' +
      'the source package of exactly this kernel, and prove it with `ksplice-ts check --live`.',
  },
  {
    word: 'failed_to_find',
    code: 'no-match',
    sentence: 'code or data that the update needs was not found in the running kernel',
    advice:
      'A symbol has no address in this kernel, or more than one that fits. The places are listed under "match". ' +
      'Check that the update was made for exactly this kernel; a kernel without CONFIG_KALLSYMS_ALL lacks the names of data.',
  },
  {
    word: 'bad_system_map',
    code: 'no-match',
    sentence: 'symbols of the running kernel are not where the update expects them',
    advice:
      'What the module loader resolved differs from what the code in memory refers to. The System.map used to ' +
      'make the update belongs to another build: run `ksplice-ts configure` again with the image of this kernel.',
  },
  {
    word: 'code_busy',
    code: 'busy',
    sentence: 'a task is running the code that is to be replaced, or sleeps in it',
    advice:
      'The tasks are listed (one that /proc does not have any more is just ending). Try again with a longer --timeout, ' +
      'or when they have ended. A function in which some ' +
      'task always sleeps can be replaced only with --allow-busy; docs/busy.md says what you promise with it.',
  },
  {
    word: 'already_reversed',
    code: 'not-applied',
    sentence: 'the update was taken back already',
    advice: 'Nothing is left to undo. `ksplice-ts undo` unloads what remains of it.',
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
    sentence: 'a module that takes part is being loaded or unloaded, or is still in use',
    advice: 'Try again in a moment. If it stays so, `cat /proc/modules` tells who uses the module.',
  },
  {
    word: 'out_of_memory',
    code: 'aborted',
    sentence: 'the kernel had no memory for it',
    advice:
      `${UNCHANGED}Stop something large, or \`echo 1 >/proc/sys/vm/compact_memory\` if there is enough ` +
      'memory but in pieces; then try again. The kernel log says if it was a large block that was missing.',
  },
  {
    word: 'call_failed',
    code: 'aborted',
    sentence: 'code that the update runs before the switch refused it',
    advice:
      'Nothing was changed: code that comes with the update, for the very purpose of looking whether the switch may ' +
      'be made now, said no. The kernel log has what it said. Ask who made the update what it waits for; then try ' +
      'again.',
  },
  {
    word: 'reserved_text',
    code: 'aborted',
    sentence:
      'the kernel itself rewrites the first bytes of a function that is to be replaced (a jump label, a static ' +
      'call or an alternative)',
    advice:
      'A jump cannot be written there safely. The kernel log names the function. Change its callers instead, ' +
      'if the source allows.',
  },
  {
    word: 'probed',
    code: 'aborted',
    sentence:
      'a kprobe sits where the jump to the new code has to go, or in old code that is to come back',
    advice:
      'Remove the probe (perf probe -d, a tracing script, or an eBPF program; /sys/kernel/debug/kprobes/list has ' +
      'them all) and try again: what it puts back some day would be in the middle of other code. Probes at the entry ' +
      'of a function that ftrace can trace are not in the way. The kernel log has the place, too.',
  },
  {
    word: 'livepatched',
    code: 'aborted',
    sentence:
      "a livepatch of the kernel's own kind has replaced a function that the update replaces",
    advice:
      'Its code would go on running, whatever the update does. The kernel log and "match" name the livepatch; if its fix ' +
      'is not needed any more, `echo 0 >/sys/kernel/livepatch/NAME/enabled` takes it out. Then try again.',
  },
  {
    word: 'ftrace_busy',
    code: 'aborted',
    sentence:
      'ftrace, which has to redirect a function of the update, has it redirected for somebody else, or is switched off',
    advice:
      '`sysctl kernel.ftrace_enabled` has to be 1. Only one at a time may redirect a function: a livepatch, or a ' +
      'BPF program (fmod_ret, struct_ops, lsm) that hooks the function. ' +
      '/sys/kernel/tracing/enabled_functions marks such functions with I or D; `bpftool prog` lists the programs, and ' +
      '/sys/kernel/livepatch the livepatches. Detach it, then try again; if it was only about to come or to go, ' +
      'try again at once.',
  },
  {
    word: 'ftrace_off',
    code: 'aborted',
    sentence: 'ftrace, which has to redirect a function of the update, has stopped itself',
    advice:
      'It has met something that it did not expect: the kernel log has its warning. Nothing but a boot brings it back. ' +
      'Functions that have room for a jump can be replaced without it.',
  },
  {
    word: 'cpu_offline',
    code: 'busy',
    sentence: 'a CPU went offline while the update was applied, and may stand in its new code',
    advice:
      'Its stack cannot be looked at. Bring it online (`echo 1 >/sys/devices/system/cpu/cpuN/online`; ' +
      '/sys/devices/system/cpu/offline has the numbers), then undo; after that it may go offline again.',
  },
  {
    word: 'in_interrupts',
    code: 'aborted',
    sentence:
      'a function may run in an NMI, or while the kernel handles a breakpoint, and ftrace cannot redirect it',
    advice:
      'No CPU can be kept out of it while a jump is written. The kernel log names the function. Change its callers ' +
      'instead, if the source allows.',
  },
  {
    word: 'addresses_out',
    code: 'aborted',
    sentence: 'others may have addresses of its new code',
    advice: '`ksplice-ts undo --dangling` lets it go, if nobody will use them any more.',
  },
  {
    word: 'incomplete',
    code: 'aborted',
    sentence: 'not all modules of the update are loaded',
    advice:
      'A module of the update was unloaded or never loaded. `ksplice-ts undo` removes what is there; then apply it again.',
  },
  {
    word: 'base_missing',
    code: 'base-missing',
    sentence: 'it was made on top of another update, which is not applied',
    advice:
      'The updates that it needs are listed under "match". Apply them first, the very ones that it was made on: the ' +
      'same patch made into another update is another one.',
  },
  {
    word: 'stacked',
    code: 'stacked',
    sentence: 'another update was made on top of it',
    advice:
      'Undo the updates that are on it first; they are listed under "match". One whose new code stays loaded after its ' +
      'undo is in the way, too, until `undo --dangling` lets that go, or the next boot.',
  },
  {
    word: 'unexpected',
    code: 'aborted',
    sentence: 'something happened that the core did not expect',
    advice:
      `${UNCHANGED}The kernel log says what it was. Trying once more does no harm; if it comes again, ` +
      'report it together with the log, the output of the same command with -v, and the release of the kernel.',
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
