// SPDX-License-Identifier: GPL-2.0-only
/*
 * ksplice: replaces functions of the running kernel.
 *
 * This module is what all updates share.  The modules of an update register
 * their old and their new code (register.c); user space reads the state in
 * /sys/kernel/ksplice/ID/ and writes "applied", "reversed" or "try" to the file
 * "stage".  Here is what these words do; see core.h for what there is, switch.c
 * for how it is done.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include "core.h"
#include "kernel.h"

/* All that core.h describes. */
DEFINE_MUTEX(ksplice_lock);

static enum ksplice_cause check_complete(struct ksplice_update *update)
{
	struct ksplice_target *target;
	unsigned int n = 0;

	list_for_each_entry(target, &update->targets, list) {
		if (!target->old || !target->new ||
		    target->old->program->cookie != target->new->cookie)
			return KSPLICE_INCOMPLETE;
		n++;
	}
	if (!n)
		return KSPLICE_INCOMPLETE;
	list_for_each_entry(target, &update->targets, list)
		if (target->new->n_targets != n)
			return KSPLICE_INCOMPLETE;
	return KSPLICE_OK;
}

/* What was in the way of a match may be gone: a probe, a missing module. */
static enum ksplice_cause check_targets(struct ksplice_update *update)
{
	enum ksplice_cause cause = KSPLICE_OK;
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list) {
		if (target->verdict != KSPLICE_OK)
			ksplice_match_target(target);
		if (target->verdict != KSPLICE_OK)
			cause = target->verdict;
	}
	if (cause != KSPLICE_OK)
		return cause;
	list_for_each_entry(target, &update->targets, list)
		if (ksplice_check_refs(target) != KSPLICE_OK)
			cause = KSPLICE_BAD_SYSTEM_MAP;
	return cause;
}

static void release_target(struct ksplice_target *target)
{
	module_put(target->held);
	target->held = NULL;
	module_put(target->new->owner);
}

/* A module that is still being loaded may fail, and go whoever holds it. */
static bool hold_target(struct ksplice_target *target)
{
	struct module *owner = target->new->owner;

	if (owner->state != MODULE_STATE_LIVE || !try_module_get(owner))
		return false;
	/* The match holds it already. */
	__module_get(target->module);
	target->held = target->module;
	return true;
}

static void release_all(struct ksplice_update *update)
{
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list)
		release_target(target);
}

/* Neither what is patched nor the new code goes while the update is applied. */
static enum ksplice_cause hold_all(struct ksplice_update *update)
{
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list) {
		if (hold_target(target))
			continue;
		list_for_each_entry_continue_reverse(target, &update->targets, list)
			release_target(target);
		return KSPLICE_MODULE_BUSY;
	}
	return KSPLICE_OK;
}

static enum ksplice_cause apply(struct ksplice_update *update, enum ksplice_step step)
{
	enum ksplice_cause cause = check_complete(update);

	if (cause == KSPLICE_OK) {
		seq_buf_clear(&update->mismatches);
		cause = ksplice_check_bases(update);
	}
	if (cause == KSPLICE_OK)
		cause = check_targets(update);
	if (cause == KSPLICE_OK)
		cause = ksplice_list_functions(update);
	if (cause == KSPLICE_OK)
		cause = hold_all(update);
	if (cause != KSPLICE_OK)
		return cause;
	cause = ksplice_switch(update, step);
	if (cause != KSPLICE_OK || step == KSPLICE_TRY)
		release_all(update);
	return cause;
}

static int errno_of(enum ksplice_cause cause)
{
	switch (cause) {
	case KSPLICE_OK:
		return 0;
	case KSPLICE_CODE_BUSY:
	case KSPLICE_MODULE_BUSY:
	case KSPLICE_PROBED:
	case KSPLICE_LIVEPATCHED:
	case KSPLICE_STACKED:
		return -EBUSY;
	case KSPLICE_OUT_OF_MEMORY:
		return -ENOMEM;
	case KSPLICE_ALREADY_REVERSED:
		return -EALREADY;
	case KSPLICE_TARGET_NOT_LOADED:
	case KSPLICE_BASE_MISSING:
		return -ENOENT;
	default:
		return -EINVAL;
	}
}

static void mark_applied(struct ksplice_update *update)
{
	static unsigned int n_applied;

	update->stage = KSPLICE_APPLIED;
	update->order = ++n_applied;
}

/* Returns 0 or an errno.  An update is applied once; reversed, it is done. */
int ksplice_apply(struct ksplice_update *update)
{
	if (update->stage == KSPLICE_APPLIED)
		return -EALREADY;
	if (update->stage != KSPLICE_PREPARING) {
		update->cause = KSPLICE_ALREADY_REVERSED;
	} else {
		update->cause = apply(update, KSPLICE_APPLY);
		if (update->cause == KSPLICE_OK)
			mark_applied(update);
		else
			ksplice_free_functions(update);
	}
	if (update->cause == KSPLICE_OK)
		pr_info("%s: applied\n", update->id);
	return errno_of(update->cause);
}

/* Whether the update could be applied now: 0 or an errno. */
int ksplice_try(struct ksplice_update *update)
{
	if (update->stage != KSPLICE_PREPARING)
		return -EINVAL;
	update->cause = apply(update, KSPLICE_TRY);
	ksplice_free_functions(update);
	return errno_of(update->cause);
}

static bool any_may_be_busy(const struct ksplice_update *update)
{
	unsigned int i;

	for (i = 0; i < update->n_functions; i++)
		if (update->functions[i].allow_busy)
			return true;
	return false;
}

/*
 * New code that tasks may be in cannot go at once: if all had to leave it first,
 * while others keep entering it, it could never be undone.  So undo takes two
 * steps, and can be given up and continued between them.
 */
int ksplice_reverse(struct ksplice_update *update)
{
	if (update->stage == KSPLICE_PREPARING)
		return -EINVAL;
	if (update->stage == KSPLICE_REVERSED) {
		update->cause = KSPLICE_ALREADY_REVERSED;
		return errno_of(update->cause);
	}
	update->cause = KSPLICE_OK;
	if (update->stage == KSPLICE_APPLIED) {
		update->cause = ksplice_check_above(update);
		if (update->cause == KSPLICE_OK)
			update->cause = ksplice_switch(update, KSPLICE_REVERSE);
		if (update->cause == KSPLICE_OK) {
			update->stage = KSPLICE_LEAVING;
			update->order = 0;
		}
	}
	if (update->cause == KSPLICE_OK && any_may_be_busy(update))
		update->cause = ksplice_switch(update, KSPLICE_LEAVE);
	if (update->cause == KSPLICE_OK) {
		ksplice_call_hooks(update, KSPLICE_HOOK_POST_REVERSE);
		update->stage = KSPLICE_REVERSED;
		update->order = 0;
		release_all(update);
		ksplice_free_functions(update);
		pr_info("%s: reversed\n", update->id);
	}
	return errno_of(update->cause);
}

static int __init ksplice_init(void)
{
	int ret = ksplice_find_kernel_symbols();

	return ret ? ret : ksplice_sysfs_init();
}

static void __exit ksplice_exit(void)
{
	ksplice_sysfs_exit();
}

module_init(ksplice_init);
module_exit(ksplice_exit);
MODULE_DESCRIPTION("Replaces functions of the running kernel");
MODULE_LICENSE("GPL");
