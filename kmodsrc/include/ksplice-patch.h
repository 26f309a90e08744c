/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hooks: code of a patch that runs once, when the update is applied or reversed.
 * create puts this file on the include path of the patched source:
 *
 *	#include "ksplice-patch.h"
 *
 *	static int allocate(void) { ... }
 *	ksplice_pre_apply(allocate);
 *
 * A hook is a static function without arguments.  There may be several of a
 * kind; they are called in the order of the file, and of the files in the update.
 *
 *	pre_apply	before anything else.  May sleep and allocate.  Not 0: the update
 *			is not applied.
 *	check_apply	with all CPUs stopped, when no task is in the way and nothing has
 *			been written.  Not 0: nothing will be.
 *	apply		with all CPUs stopped, when the new code is in place and nobody
 *			has run it yet.
 *	post_apply	when the machine runs again.  May sleep.
 *	fail_apply	after a pre_apply, in place of apply and post_apply.  May sleep.  It
 *			frees what pre_apply allocated.
 *
 * The same for pre_reverse, check_reverse, reverse, post_reverse and fail_reverse,
 * when the update is undone; post_reverse is called when no task is in the new code
 * any more, so that it may free memory that the new code uses.
 *
 * A task may be in the way: then pre_apply and fail_apply are called for each attempt.
 * apply --dry-run calls pre_apply, check_apply and fail_apply.
 *
 * With all CPUs stopped interrupts are off and other CPUs hold whatever locks they
 * held: take no lock, do not sleep, do not allocate, do not print much.  Read
 * and write memory, and be quick.
 *
 * Hooks are called with the core's lock held.  They cannot load modules or apply
 * updates.
 */
#ifndef KSPLICE_PATCH_H
#define KSPLICE_PATCH_H

/* The tool finds hooks by the name of the section; the compiler would turn their order round. */
#define KSPLICE_HOOK(kind, result, fn) \
	static result (*const ksplice_hook_##kind##_##fn)(void) \
	__attribute__((__used__, __no_reorder__, __section__(".ksplice.call_" #kind))) = fn

#define ksplice_pre_apply(fn) KSPLICE_HOOK(pre_apply, int, fn)
#define ksplice_check_apply(fn) KSPLICE_HOOK(check_apply, int, fn)
#define ksplice_apply(fn) KSPLICE_HOOK(apply, void, fn)
#define ksplice_post_apply(fn) KSPLICE_HOOK(post_apply, void, fn)
#define ksplice_fail_apply(fn) KSPLICE_HOOK(fail_apply, void, fn)

#define ksplice_pre_reverse(fn) KSPLICE_HOOK(pre_reverse, int, fn)
#define ksplice_check_reverse(fn) KSPLICE_HOOK(check_reverse, int, fn)
#define ksplice_reverse(fn) KSPLICE_HOOK(reverse, void, fn)
#define ksplice_post_reverse(fn) KSPLICE_HOOK(post_reverse, void, fn)
#define ksplice_fail_reverse(fn) KSPLICE_HOOK(fail_reverse, void, fn)

/*
 * New code stays loaded after undo if others may have an address of it: of a function
 * that is called back, of a variable that something else points to.  If a hook takes back
 * the address of a function or variable of the patch, the patch declares it:
 *
 *	ksplice_post_reverse(stop);	calls cancel_delayed_work_sync(&work)
 *	ksplice_undo_safe(work);
 */
#define ksplice_undo_safe(name) \
	static const void *const ksplice_undo_safe_##name \
	__attribute__((__used__, __section__(".ksplice.undo_safe"))) = (const void *)&(name)

/*
 * The module that the new code is in.  THIS_MODULE is the module that is patched, or NULL
 * in the kernel proper: a file whose operations have that owner does not hold new code.
 * It is a macro, so that only a patch that uses it needs linux/module.h.
 */
#define ksplice_new_code_module() ({						\
	struct module *ksplice_mod;						\
										\
	preempt_disable();							\
	ksplice_mod = __module_address(_THIS_IP_);				\
	preempt_enable();							\
	ksplice_mod;								\
})

#endif
