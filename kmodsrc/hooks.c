// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls the hooks of an update: ksplice-patch.h says when each kind is called,
 * and what it may do.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include "core.h"

static bool can_refuse(enum ksplice_hook_kind kind)
{
	return kind == KSPLICE_HOOK_PRE_APPLY || kind == KSPLICE_HOOK_CHECK_APPLY ||
	       kind == KSPLICE_HOOK_PRE_REVERSE || kind == KSPLICE_HOOK_CHECK_REVERSE;
}

static int call(const struct ksplice_update *update, const struct ksplice_hook *hook)
{
	int (*refusing)(void) = hook->fn;
	void (*plain)(void) = hook->fn;
	int ret;

	if (!can_refuse(hook->kind)) {
		plain();
		return 0;
	}
	ret = refusing();
	if (ret)
		pr_info("%s: %ps refused: %d\n", update->id, hook->fn, ret);
	return ret;
}

/* Those of the targets that the step is about. */
static bool takes_part(const struct ksplice_target *target, enum ksplice_hook_kind kind)
{
	return kind < KSPLICE_HOOK_PRE_REVERSE ? ksplice_is_fresh(target) : target->applied;
}

/* Calls all hooks of a kind, up to the first that refuses; what that returned, or 0. */
int ksplice_call_hooks(struct ksplice_update *update, enum ksplice_hook_kind kind)
{
	const struct ksplice_new_code *new;
	struct ksplice_target *target;
	unsigned int i;
	int ret;

	list_for_each_entry(target, &update->targets, list) {
		if (!takes_part(target, kind))
			continue;
		new = target->new;
		for (i = 0; i < new->n_hooks; i++) {
			ret = new->hooks[i].kind == kind ? call(update, &new->hooks[i]) : 0;
			if (ret)
				return ret;
		}
	}
	return 0;
}
