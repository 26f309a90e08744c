// What is taken out of the core in the kernel.

import type { Mutant } from './mutant.js';

const core = (
  without: string,
  file: string,
  find: string,
  replace: string,
  only: string,
): Mutant => ({ without, file: `kmodsrc/${file}`, find, replace, tests: 'test/vm/core', only });

const stacks: readonly Mutant[] = [
  core(
    'the walk of the stacks before old code is replaced',
    'stacks.c',
    'return step != KSPLICE_LEAVE || in_new_code(update, address);',
    'return step == KSPLICE_REVERSE;',
    'is not replaced before the task has left it',
  ),
  core(
    'the walk of the stacks before new code is taken away',
    'stacks.c',
    'if (!in_new_code(update, address))\n\t\t\treturn false;',
    'return false;',
    'is not taken away before the task has left it',
  ),
  core(
    'conflicts before the machine is stopped',
    'stacks.c',
    'if (conflict) {\n\t\tksplice_note_conflict',
    'if (false) {\n\t\tksplice_note_conflict',
    'names task and place',
  ),
  core(
    'the first look, which spares stacks the second',
    'stacks.c',
    'if (!seen || full_walk)',
    'if (true)',
    'replaces a function of a module and puts it back',
  ),
  core(
    "the task's name in a conflict",
    'stacks.c',
    'strscpy(c->comm, comm, sizeof(c->comm));',
    '',
    'names task and place',
  ),
];

const live: readonly Mutant[] = [
  core(
    'the look whether a stack was walked to its end',
    'walk.c',
    'if (unwind_error(&state) || state.sp != (unsigned long)task_pt_regs(task))',
    'if (unwind_error(&state))',
    'is no stack that was walked',
  ),
  {
    ...core(
      'the stack of the thread that stops the machine',
      'stacks.c',
      'if (task != current && (was_clear(update->seen, task) || READ_ONCE(task->on_cpu)))',
      'if (was_clear(update->seen, task) || READ_ONCE(task->on_cpu))',
      'the code of the switch',
    ),
    tests: 'test/vm/switch-code.test.ts',
  },
  {
    ...core(
      'the tasks that exit and are in no list',
      'exiting.c',
      'static void probe_exit(void *data, struct task_struct *task)\n{\n\tnote(task);',
      'static void probe_exit(void *data, struct task_struct *task)\n{',
      'that reaps itself',
    ),
    tests: 'test/vm/exiting.test.ts',
  },
  core(
    'the function of a kernel thread that has not begun',
    'stacks.c',
    'return fn && in_new_code(update, fn) ? fn : 0;',
    'return fn && in_new_code(update, fn) ? 0 : 0;',
    'a thread that has not begun',
  ),
  core(
    'the processors that are offline',
    'cpus.c',
    'cause = KSPLICE_CPU_OFFLINE;',
    '',
    'no undo before it is back',
  ),
  core(
    'the second look for tasks that exit and were not noted',
    'core.c',
    'ksplice_find_hidden();',
    '',
    'no longer than they are there',
  ),
  core(
    'the wait for tasks that left the list before the core was loaded',
    'switch.c',
    'cause = ksplice_wait_for_hidden();',
    'cause = KSPLICE_OK;',
    'before all have been switched out',
  ),
  core(
    'the wait for processors that are on their way',
    'switch.c',
    'wait_for_others(stop);\n\t\tdo_switch(stop);',
    'do_switch(stop);',
    'a CPU that is slow',
  ),
  core(
    'the core’s own code that is closed to probes and tracers',
    'write.c',
    'noinline notrace __kprobes void ksplice_copy',
    'noinline void ksplice_copy',
    'while a jump is half written',
  ),
  core(
    'the list of code that may run in an NMI',
    'site.c',
    'bool in_interrupts = ksplice_is_no_probe_text(f->old);',
    'bool in_interrupts = false;',
    'is not replaced where ftrace cannot help|is redirected by ftrace',
  ),
  core(
    'the look for kprobes behind the jump',
    'site.c',
    'is_probed(f, f->old + f->length)',
    'is_probed(f, f->site + KSPLICE_JUMP_SIZE)',
    'it was put there when the jump was',
  ),
  core(
    'the hold on the core where ftrace does not let go',
    'redirect.c',
    'if (ret) {\n\t\tkeep_for_ever(f, ret);',
    'if (ret && !ret) {\n\t\tkeep_for_ever(f, ret);',
    'keeps the core, and says so',
  ),
  core(
    'the capability that it takes to write',
    'attributes.c',
    'return capable(CAP_SYS_MODULE) ? 0 : -EPERM;',
    'return 0;',
    'changes nothing, names no helper, and sees no address',
  ),
  core(
    'the right to see addresses',
    'sysfs.c',
    'return KERNEL(kallsyms_show_value)(file->f_cred);',
    'return true;',
    'nor does anybody see addresses|sees no address',
  ),
];

const busy: readonly Mutant[] = [
  core(
    'the wait for those who are in new code that may be busy',
    'core.c',
    'update->cause == KSPLICE_OK && any_may_be_inside(update)',
    'false && any_may_be_inside(update)',
    'which stays for it',
  ),
  core(
    'the bytes of the jump, which have to be idle',
    'busy.c',
    'note_range(update, f->site + 1, f->site + KSPLICE_JUMP_SIZE, KSPLICE_HELD);',
    '(void)f;',
    'returns to the bytes that are written',
  ),
  core(
    'the names of what may be busy',
    'busy.c',
    "return !strncmp(name, word, length) && (!name[length] || name[length] == '.');",
    'return true;',
    'is only the one that is named',
  ),
];

const stacking: readonly Mutant[] = [
  core(
    'the refusal to reverse what another update is on',
    'stacking.c',
    'cause = KSPLICE_STACKED;',
    '',
    'keeps them from being reversed',
  ),
  core(
    'the refusal to apply without the updates below',
    'stacking.c',
    'cause = KSPLICE_BASE_MISSING;',
    '',
    'is refused while one of them is not applied',
  ),
  core(
    'the end of the hold on new code below',
    'stacking.c',
    'module_put(link->below->new->owner);\n\t\tlist_del',
    'list_del',
    'holds their new code even when it was reversed|keeps them from being reversed',
  ),
  core(
    'the code below on the stacks',
    'stacks.c',
    'if (within_module(address, update->below[i]))',
    'if (false)',
    'code below that is in use',
  ),
  core(
    'the refusal to replace what an update that is not below has replaced',
    'target.c',
    'if (other && !ksplice_is_base(target->old->bases, target->old->n_bases,\n\t\t\t\t\t      other->target))',
    'if (false)',
    'and comes in between is refused|another one of the same function is refused',
  ),
];

const switching: readonly Mutant[] = [
  core(
    'the hold on what is patched and on new code',
    'core.c',
    '__module_get(target->module);\n\ttarget->held = target->module;',
    '',
    'nothing that it needs can be unloaded',
  ),
  core(
    'the check that all targets are there',
    'core.c',
    'return KSPLICE_INCOMPLETE;\n\t}\n\treturn KSPLICE_OK;',
    'continue;\n\t}\n\treturn KSPLICE_OK;',
    'only when all are there',
  ),
  core(
    'the check that old and new code belong together',
    'core.c',
    '!target->old || !target->new ||\n\t\t    target->old->program->cookie != target->new->cookie',
    '!target->old || !target->new',
    'if old and new code do not belong together',
  ),
  core(
    'the comparison of what the new code refers to',
    'target.c',
    'cause = KSPLICE_BAD_SYSTEM_MAP;',
    '(void)i;',
    'if the new code was linked to something else',
  ),
  core(
    'the check of the match program',
    'register.c',
    'if (!is_good_code(code->id, code->target, code->owner) ||\n\t    ksplice_check_program(code->program, code->size)) {',
    'if (!is_good_code(code->id, code->target, code->owner)) {',
    'is refused at once if it is damaged',
  ),
  core(
    'the time that all CPUs were stopped',
    'switch.c',
    'ksplice_this_attempt(update)->window_ns = ktime_get_mono_fast_ns() - start;',
    '(void)start;',
    'replaces a function of a module and puts it back',
  ),
  core(
    'the difference between a trial and a switch',
    'switch.c',
    'return step == KSPLICE_APPLY || step == KSPLICE_REVERSE;',
    'return true;',
    'can be tried, which changes nothing',
  ),
  core(
    'the look for text that the kernel rewrites',
    'site.c',
    'if (ksplice_is_reserved(f->site))',
    'if (false && ksplice_is_reserved(f->site))',
    'a jump label at the start',
  ),
  core(
    'the look whether the jump fits',
    'site.c',
    'if (f->site + KSPLICE_JUMP_SIZE > f->old + f->length)',
    'if (false)',
    'a function that ends before the jump would',
  ),
  core(
    'the second comparison, with the text locked',
    'site.c',
    'if (f->new && !f->by_ftrace && is_probed(f, f->site + KSPLICE_JUMP_SIZE))\n\t\treturn KSPLICE_PROBED;\n\tif (!ksplice_match_span(&f->target->match, f->span))',
    'if (false)',
    'that comes after the match keeps it from being applied',
  ),
  core(
    'the look for kprobes on the jump before undo',
    'site.c',
    'if (is_probed(f, f->old + f->length))\n\t\treturn KSPLICE_PROBED;\n\tif (!read_own',
    'if (!read_own',
    'keeps an update from being undone',
  ),
  core(
    'the look for livepatches',
    'livepatch.c',
    'if (redirects(patch, start, length))',
    'if (false && redirects(patch, start, length))',
    'of a function keeps an update from replacing it',
  ),
];

const matching: readonly Mutant[] = [
  {
    without: 'the comparison of what the kernel rewrites, in the C matcher',
    file: 'kmodsrc/compare.c',
    find: 'return !item->n_variants;',
    replace: 'return true;',
    tests: 'test/kmodsrc',
  },
];

const hooks: readonly Mutant[] = [
  core(
    'the hooks of undo',
    'switch.c',
    'ksplice_call_hooks(update, undo ? KSPLICE_HOOK_REVERSE : KSPLICE_HOOK_APPLY);',
    'if (!undo)\n\t\t\tksplice_call_hooks(update, KSPLICE_HOOK_APPLY);',
    'are called in their order',
  ),
  core(
    'a hook',
    'switch.c',
    'else if (!undo) {\n\t\tksplice_call_hooks(update, KSPLICE_HOOK_POST_APPLY);',
    'else if (!undo) {',
    'are called in their order',
  ),
  core(
    'the refusal of a hook',
    'switch.c',
    'return stop->refused;',
    'return false;',
    'can refuse, and then nothing has changed',
  ),
];

const memory: readonly Mutant[] = [
  core(
    "the second look for a shadow variable, with the table's lock",
    'shadow.c',
    'shadow = find_shadow(obj, id);\n\tif (!shadow && ctor)',
    'shadow = NULL;\n\tif (!shadow && ctor)',
    "are what the kernel's are",
  ),
  {
    ...core(
      'the answer to an allocation that fails',
      'functions.c',
      'if (!f->name)\n\t\treturn KSPLICE_OUT_OF_MEMORY;',
      '',
      'after every fault',
    ),
    tests: 'test/vm/faults',
  },
  {
    ...core(
      'the end of what the core notes of a function',
      'functions.c',
      'kvfree(f->old_content);\n\t\tkfree(f);',
      'kvfree(f->old_content);',
      'leaves nothing',
    ),
    tests: 'test/vm/soak.test.ts',
  },
];

const late: readonly Mutant[] = [
  core(
    'the part of a module that is loaded later',
    'late.c',
    'if (state == MODULE_STATE_COMING)\n\t\treturn on_coming(mod);',
    'if (false)\n\t\treturn on_coming(mod);',
    'is patched before it starts',
  ),
  core(
    'the refusal to load a module that could not be patched',
    'late.c',
    'return notifier_from_errno(fatal_signal_pending(current) ? -EINTR : -EBUSY);',
    'return NOTIFY_OK;',
    'is not loaded, and says why',
  ),
  core(
    'the end of what a module had that goes before it was there',
    'late.c',
    'if (state == MODULE_STATE_GOING)\n\t\tclean_up_after(mod, false);',
    '',
    'goes without a trace, and is awaited again',
  ),
];

const sealed: readonly Mutant[] = [
  ['the value of a sealed key', 'static_key_enabled(key) ^', 'false ^', 'goes the way of keys'],
  ['the look whether a key is sealed', 'if (!is_sealed(key)) {', 'if (false) {', 'is refused'],
  [
    'the look at the bytes of a sealed branch',
    '!find_forms(&branch, entry)',
    '(find_forms(&branch, entry), false)',
    'is refused',
  ],
  [
    'the look for a probe at a sealed branch',
    'if (ksplice_is_probed(site, LONG_SIZE)) {',
    'if (false) {',
    'is refused',
  ],
].map(([without, find, replace, only]) => ({
  ...core(without!, 'sealed.c', find!, replace!, only!),
  tests: 'test/vm/sealed-keys.test.ts',
}));

const replacing: readonly Mutant[] = [
  [
    'the stop that an update shares with those that give way to it',
    'switch.c',
    '\t\twrite_all(other, true);\n',
    '',
    'has them gone in the moment',
  ],
  [
    'the look whether what gives way is applied',
    'replace.c',
    'return KSPLICE_BASE_MISSING;',
    'return KSPLICE_OK;',
    'if one of them is not applied',
  ],
  [
    'the look at what is on an update that gives way',
    'replace.c',
    'cause = ksplice_check_above(other);',
    'cause = KSPLICE_OK;',
    'if another is on one of them',
  ],
  [
    'the refusal of an update in the place of its own base',
    'replace.c',
    'return KSPLICE_STACKED;',
    'return KSPLICE_OK;',
    'if another is on one of them',
  ],
  [
    'the walk of the stacks for the code that gives way',
    'switch.c',
    'if (!ksplice_stacks_clear(other, KSPLICE_REVERSE))',
    'if (false)',
    'if a task is in the new code of one of them',
  ],
  [
    'the hooks of what gives way',
    'switch.c',
    'if (!call_hooks_of_going(update, KSPLICE_HOOK_PRE_REVERSE) &&\n\t    !ksplice',
    'if (!ksplice',
    'if a hook refuses',
  ],
  [
    'what a jump saves where an earlier one gives way',
    'functions.c',
    'if (gives_way(above, update))\n\t\t\ttake_back',
    'if (false)\n\t\t\ttake_back',
    'has them gone in the moment',
  ],
  [
    'the handler of ftrace that is handed over',
    'redirect.c',
    'f->inherits = find_predecessor(f);',
    'f->inherits = NULL;',
    'has them gone in the moment',
  ],
].map(([without, file, find, replace, only]) => ({
  ...core(without!, file!, find!, replace!, only!),
  tests: 'test/vm/core/replacing.test.ts',
}));

export const coreMutants: readonly Mutant[] = [
  ...replacing,
  ...stacks,
  ...live,
  ...busy,
  ...stacking,
  ...switching,
  ...matching,
  ...hooks,
  ...memory,
  ...late,
  ...sealed,
];
