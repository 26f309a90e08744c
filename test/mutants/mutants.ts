// What has to be noticed when it is taken out of the program: for each guard and feature of a
// running host the change that takes it out, and the tests that must fail then.

export interface Mutant {
  /** What is missing with it. */
  readonly without: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** A test file, or a folder of them. */
  readonly tests: string;
  /** A regular expression for the full names of the tests; all of the file without. */
  readonly only?: string;
}

const core = (
  without: string,
  file: string,
  find: string,
  replace: string,
  only: string,
): Mutant => ({ without, file: `kmodsrc/${file}`, find, replace, tests: 'test/vm/core', only });

const tool = (
  without: string,
  file: string,
  find: string,
  replace: string,
  tests: string,
  only?: string,
): Mutant => ({
  without,
  file: `src/${file}`,
  find,
  replace,
  tests: `test/${tests}`,
  ...(only === undefined ? {} : { only }),
});

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
    'if (conflict) {\n\t\tnote_conflict',
    'if (false) {\n\t\tnote_conflict',
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
    'memcpy(c->comm, task->comm, sizeof(c->comm));',
    '',
    'names task and place',
  ),
];

const busy: readonly Mutant[] = [
  core(
    'the wait for those who are in new code that may be busy',
    'core.c',
    'update->cause == KSPLICE_OK && any_may_be_busy(update)',
    'false && any_may_be_busy(update)',
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
    'the difference between a trial and a switch',
    'switch.c',
    'return step == KSPLICE_APPLY || step == KSPLICE_REVERSE;',
    'return true;',
    'can be tried, which changes nothing',
  ),
  core(
    'the look for text that the kernel rewrites',
    'site.c',
    'if (is_reserved(f->site))',
    'if (false && is_reserved(f->site))',
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
    'if (f->new && !f->by_ftrace && is_probed(f))\n\t\treturn KSPLICE_PROBED;\n\tif (!ksplice_match_span(&f->target->match, f->span))',
    'if (false)',
    'that comes after the match keeps it from being applied',
  ),
  core(
    'the look for kprobes on the jump before undo',
    'site.c',
    'if (is_probed(f))\n\t\treturn KSPLICE_PROBED;\n\tif (!copy',
    'if (!copy',
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

const hooks: readonly Mutant[] = [
  core(
    'a hook',
    'switch.c',
    'else if (!undo)\n\t\tksplice_call_hooks(update, KSPLICE_HOOK_POST_APPLY);',
    '',
    'are called in their order',
  ),
  core(
    'the refusal of a hook',
    'switch.c',
    'stop->refused = ksplice_call_hooks(stop->update, kind);',
    'ksplice_call_hooks(stop->update, kind);',
    'can refuse, and then nothing has changed',
  ),
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
    'if (state == MODULE_STATE_GOING)\n\t\tclean_up(mod, false);',
    '',
    'goes without a trace, and is awaited again',
  ),
];

const commands: readonly Mutant[] = [
  tool(
    'the lock',
    'apply/shell.ts',
    "'--no-fork', lock, 'sh'",
    "'--no-fork', '--shared', lock, 'sh'",
    'apply/shell.test.ts',
  ),
  tool(
    'the look whether this very update is applied',
    'apply/apply.ts',
    'if (left.length === 0) return describe',
    'if (false) return describe',
    'apply/apply.test.ts',
  ),
  tool(
    'the removal of what a killed run left',
    'apply/apply.ts',
    'for (const module of left) await host.unload(module);',
    '',
    'apply',
  ),
  tool(
    'the removal of modules after a refusal',
    'apply/loading.ts',
    'for (const module of this.modules.splice(0).reverse()) {',
    'for (const module of [] as string[]) {',
    'apply/apply.test.ts',
  ),
  tool(
    'growing pauses',
    'apply/switching.ts',
    'wait = Math.min(wait * 2, LONGEST_PAUSE_MS);',
    '',
    'apply/apply.test.ts',
  ),
  tool(
    'the end of the time for a switch',
    'apply/switching.ts',
    'if (!retry || left <= 0) {',
    'if (!retry) {',
    'apply/apply.test.ts',
  ),
  tool(
    'interruption',
    'apply/checks.ts',
    'if (signal.aborted) {',
    'if (false) {',
    'apply/apply.test.ts',
  ),
  tool(
    'the look for the build of the kernel',
    'apply/checks.ts',
    'buildId === undefined || running === undefined || buildId === running',
    'true',
    'apply/apply.test.ts',
  ),
  tool('the look for root', 'apply/checks.ts', 'if (host.uid !== 0) {', 'if (false) {', 'apply'),
  tool(
    'the look for lockdown and for enforced signatures',
    'apply/checks.ts',
    "...(enforced === 'Y' ? ['wants signatures (module.sig_enforce=1)'] : []),",
    '',
    'apply/apply.test.ts',
  ),
  tool(
    'the refusal of a state directory that is a link, or not only ours',
    'apply/state.ts',
    '!status.isDirectory() || status.uid !== process.geteuid?.() || (status.mode & 0o077) !== 0',
    'false',
    'apply/apply.test.ts',
  ),
  tool(
    'the refusal of paths that lead out of an archive',
    'update/archive.ts',
    "if (parts.includes('..')) return",
    'if (false) return',
    'update/archive.test.ts',
  ),
  tool(
    'the refusal of links in an archive',
    'update/archive.ts',
    "const isFile = entry.type === 'File' || entry.type === 'OldFile';",
    "const isFile = entry.type !== 'Directory';",
    'update/archive.test.ts',
  ),
  tool(
    'the limit of what an archive unpacks to',
    'update/archive.ts',
    '{ maxOutputLength: SIZE_LIMIT }',
    '{}',
    'update/archive.test.ts',
  ),
];

const boot: readonly Mutant[] = [
  tool(
    'the kernel that an installed update is for',
    'install/boot.ts',
    'if (release !== host.release || buildId !== here) {',
    'if (release !== host.release) {',
    'install/install.test.ts',
  ),
  tool(
    'the memory of a crash',
    'install/store.ts',
    'all.filter((one) => one.bootId !== bootId)',
    'all.filter(() => false)',
    'install/install.test.ts',
  ),
  tool(
    'the order of installation',
    'install/store.ts',
    'updates.sort((a, b) => a.order - b.order)',
    'updates.sort((a, b) => b.order - a.order)',
    'install/install.test.ts',
  ),
];

export const mutants: readonly Mutant[] = [
  ...stacks,
  ...busy,
  ...stacking,
  ...switching,
  ...hooks,
  ...late,
  ...commands,
  ...boot,
];
