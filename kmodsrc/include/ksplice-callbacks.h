/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Callbacks of patches that were written for livepatch, as hooks (ksplice-patch.h).
 * kpatch-macros.h and linux/livepatch_helpers.h have the names that such patches use.
 *
 * A callback gets an object: the name of the module that is patched, NULL for the kernel
 * proper, and that module.  It is called
 *
 *	pre_patch	before the update is applied.  Not 0: it is not.
 *	post_patch	when the new code runs; also if an undo was begun and then not made.
 *	pre_unpatch	before the update is undone.
 *	post_unpatch	when the old code runs and no task is in the new code; also if the
 *			update was not applied although pre_patch had allowed it.
 *
 * While a task is in the way, pre_patch and post_unpatch are called for each attempt.
 */
#ifndef KSPLICE_CALLBACKS_H
#define KSPLICE_CALLBACKS_H

#include <linux/module.h>
#include "ksplice-patch.h"

#ifdef CONFIG_LIVEPATCH
#include <linux/livepatch.h>
#else
struct klp_object {
	const char *name;
	struct module *mod;
};
#endif

struct ksplice_patched {
	struct klp_object object;
	/* What pre_patch returned. */
	int refused;
};

static inline struct ksplice_patched *ksplice_patched(void)
{
#ifdef MODULE
	static struct ksplice_patched patched = { .object.name = KBUILD_MODNAME };

	patched.object.mod = THIS_MODULE;
#else
	static struct ksplice_patched patched;
#endif
	return &patched;
}

#define KSPLICE_PRE_PATCH(fn)					\
	static int ksplice_callback_##fn(void)			\
	{							\
		struct ksplice_patched *patched = ksplice_patched();	\
								\
		patched->refused = fn(&patched->object);	\
		return patched->refused;			\
	}							\
	ksplice_pre_apply(ksplice_callback_##fn)

#define KSPLICE_POST_PATCH(fn)					\
	static void ksplice_callback_##fn(void)			\
	{							\
		fn(&ksplice_patched()->object);			\
	}							\
	ksplice_post_apply(ksplice_callback_##fn);		\
	ksplice_fail_reverse(ksplice_callback_##fn)

#define KSPLICE_PRE_UNPATCH(fn)					\
	static int ksplice_callback_##fn(void)			\
	{							\
		fn(&ksplice_patched()->object);			\
		return 0;					\
	}							\
	ksplice_pre_reverse(ksplice_callback_##fn)

/* Where pre_patch has refused, there is nothing to take back. */
#define KSPLICE_POST_UNPATCH(fn)				\
	static void ksplice_callback_##fn(void)			\
	{							\
		fn(&ksplice_patched()->object);			\
	}							\
	static void ksplice_cancel_##fn(void)			\
	{							\
		if (!ksplice_patched()->refused)		\
			fn(&ksplice_patched()->object);		\
	}							\
	ksplice_post_reverse(ksplice_callback_##fn);		\
	ksplice_fail_apply(ksplice_cancel_##fn)

#endif
