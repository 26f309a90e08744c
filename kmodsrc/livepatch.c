// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own livepatches.  The handler of a livepatch acts at the function's
 * call to ftrace, before any jump of ours.  A function that it redirects never reaches
 * the jump, so an update of that function would have no effect.
 */
#include <linux/livepatch.h>
#include "core.h"
#include "kernel.h"

#ifdef CONFIG_LIVEPATCH

void ksplice_lock_livepatches(void)
{
	mutex_lock(&KERNEL(klp_mutex));
}

void ksplice_unlock_livepatches(void)
{
	mutex_unlock(&KERNEL(klp_mutex));
}

static bool redirects(const struct klp_patch *patch, unsigned long start, unsigned long length)
{
	const struct klp_object *obj;
	const struct klp_func *func;

	klp_for_each_object(patch, obj)
		klp_for_each_func(obj, func)
			if (func->patched && (unsigned long)func->old_func - start < length)
				return true;
	return false;
}

const char *ksplice_find_livepatch(unsigned long start, unsigned long length)
{
	const struct klp_patch *patch;

	list_for_each_entry(patch, &KERNEL(klp_patches), list)
		if (redirects(patch, start, length))
			return module_name(patch->mod);
	return NULL;
}

#else

void ksplice_lock_livepatches(void)
{
}

void ksplice_unlock_livepatches(void)
{
}

const char *ksplice_find_livepatch(unsigned long start, unsigned long length)
{
	return NULL;
}

#endif
