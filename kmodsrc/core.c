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

/* To be applied with the next switch. */
bool ksplice_is_fresh(const struct ksplice_target *target)
{
	return !target->applied && !target->outlived;
}

static bool has_fresh(struct ksplice_update *update)
{
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list)
		if (ksplice_is_fresh(target))
			return true;
	return false;
}

/* A try is about what is there: the rest need not be awaited. */
static enum ksplice_cause check_complete(struct ksplice_update *update, enum ksplice_step step)
{
	unsigned int n = ksplice_count_awaited(update);
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list) {
		if (target->outlived)
			continue;
		n++;
		if (target->applied)
			continue;
		if (!target->old || !target->new ||
		    target->old->program->cookie != target->new->cookie)
			return KSPLICE_INCOMPLETE;
	}
	if (!has_fresh(update))
		return KSPLICE_INCOMPLETE;
	list_for_each_entry(target, &update->targets, list) {
		if (!ksplice_is_fresh(target) || target->new->n_targets == n)
			continue;
		if (step != KSPLICE_TRY || target->new->n_targets < n)
			return KSPLICE_INCOMPLETE;
	}
	return KSPLICE_OK;
}

/* What was in the way of a match may be gone: a probe, a missing module. */
static enum ksplice_cause check_targets(struct ksplice_update *update)
{
	enum ksplice_cause cause = KSPLICE_OK;
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list) {
		if (!ksplice_is_fresh(target))
			continue;
		if (target->verdict != KSPLICE_OK)
			ksplice_match_target(target);
		if (target->verdict != KSPLICE_OK)
			cause = target->verdict;
	}
	if (cause != KSPLICE_OK)
		return cause;
	list_for_each_entry(target, &update->targets, list)
		if (ksplice_is_fresh(target) && ksplice_check_refs(target) != KSPLICE_OK)
			cause = KSPLICE_BAD_SYSTEM_MAP;
	return cause;
}

static bool may_go(const struct ksplice_target *target)
{
	return !target->new || !target->new->keep || target->update->let_go;
}

/* Others may have addresses of it, in its functions or in its data, for longer than it runs. */
bool ksplice_keeps_new_code(const struct ksplice_update *update)
{
	const struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list)
		if (!may_go(target))
			return true;
	return false;
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

/* Neither what is patched nor the new code goes while the update is applied. */
static enum ksplice_cause hold_all(struct ksplice_update *update)
{
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list) {
		if (!ksplice_is_fresh(target) || hold_target(target))
			continue;
		list_for_each_entry_continue_reverse(target, &update->targets, list)
			if (ksplice_is_fresh(target))
				release_target(target);
		return KSPLICE_MODULE_BUSY;
	}
	return KSPLICE_OK;
}

/* After the switch: the targets are applied, or not after all. */
static void settle_targets(struct ksplice_update *update, bool applied)
{
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list) {
		if (!ksplice_is_fresh(target))
			continue;
		if (applied)
			target->applied = true;
		else
			release_target(target);
	}
}

static void release_applied(struct ksplice_update *update)
{
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list) {
		if (!target->applied)
			continue;
		target->applied = false;
		release_target(target);
	}
}

static enum ksplice_cause match_and_switch(struct ksplice_update *update, enum ksplice_step step)
{
	enum ksplice_cause cause = ksplice_check_bases(update);

	if (cause == KSPLICE_OK)
		cause = check_targets(update);
	if (cause == KSPLICE_OK)
		cause = ksplice_list_functions(update);
	if (cause == KSPLICE_OK)
		cause = hold_all(update);
	if (cause != KSPLICE_OK)
		return cause;
	cause = ksplice_switch(update, step);
	settle_targets(update, cause == KSPLICE_OK && step == KSPLICE_APPLY);
	return cause;
}

static enum ksplice_cause apply(struct ksplice_update *update, enum ksplice_step step)
{
	enum ksplice_cause cause = check_complete(update, step);

	if (cause != KSPLICE_OK)
		return cause;
	seq_buf_clear(&update->mismatches);
	cause = ksplice_begin_replacing(update);
	if (cause == KSPLICE_OK)
		cause = match_and_switch(update, step);
	ksplice_end_replacing(update, cause == KSPLICE_OK && step == KSPLICE_APPLY);
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
	case KSPLICE_FTRACE_BUSY:
	case KSPLICE_CPU_OFFLINE:
	case KSPLICE_ADDRESSES_OUT:
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

	if (update->stage == KSPLICE_PREPARING)
		update->order = ++n_applied;
	update->stage = KSPLICE_APPLIED;
}

/*
 * Returns 0 or an errno.  An update is applied once, and again for each target that
 * comes later; reversed, it is done.
 */
int ksplice_apply(struct ksplice_update *update)
{
	lockdep_assert_held(&ksplice_lock);
	if (update->stage == KSPLICE_APPLIED && !has_fresh(update))
		return -EALREADY;
	if (update->stage > KSPLICE_APPLIED) {
		update->cause = KSPLICE_ALREADY_REVERSED;
	} else {
		/* For all that happens from the switch on. */
		if (update->stage == KSPLICE_PREPARING)
			update->applied_at = ksplice_now();
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
	lockdep_assert_held(&ksplice_lock);
	if (update->stage > KSPLICE_APPLIED || !has_fresh(update))
		return -EINVAL;
	update->cause = apply(update, KSPLICE_TRY);
	ksplice_free_functions(update);
	return errno_of(update->cause);
}

/*
 * After the switch back: as before it, where a function may be busy; and again, where others
 * have had addresses of new code.  Nobody uses them any more when user space says so, but who has
 * used one in between may not have left.
 */
static bool any_may_be_inside(const struct ksplice_update *update)
{
	const struct ksplice_function *f;
	const struct ksplice_target *target;

	list_for_each_entry(f, &update->functions, list)
		if (f->allow_busy)
			return true;
	list_for_each_entry(target, &update->targets, list)
		if (target->new && target->new->keep)
			return true;
	return false;
}

/* A module that fails to start after it was patched goes whoever holds it. */
bool ksplice_is_starting(const struct ksplice_update *update)
{
	const struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list)
		if (target->held && target->held->state != MODULE_STATE_LIVE)
			return true;
	return false;
}

/* Its functions are put back. */
void ksplice_mark_leaving(struct ksplice_update *update)
{
	update->stage = KSPLICE_LEAVING;
	update->order = 0;
	ksplice_stop_awaiting(update->id);
}

/*
 * New code that tasks may be in cannot go at once: if all had to leave it first,
 * while others keep entering it, it could never be undone.  So undo takes two
 * steps, and can be given up and continued between them.  Between them it stays
 * for good if others may have addresses of it, unless user space lets it go.
 */
int ksplice_reverse(struct ksplice_update *update)
{
	lockdep_assert_held(&ksplice_lock);
	if (update->stage == KSPLICE_PREPARING)
		return -EINVAL;
	if (update->stage == KSPLICE_REVERSED) {
		update->cause = KSPLICE_ALREADY_REVERSED;
		return errno_of(update->cause);
	}
	update->cause = KSPLICE_OK;
	if (update->stage == KSPLICE_APPLIED) {
		update->cause = ksplice_check_above(update);
		if (update->cause == KSPLICE_OK && ksplice_is_starting(update))
			update->cause = KSPLICE_MODULE_BUSY;
		if (update->cause == KSPLICE_OK) {
			ksplice_find_hidden();
			update->cause = ksplice_switch(update, KSPLICE_REVERSE);
		}
		if (update->cause == KSPLICE_OK)
			ksplice_mark_leaving(update);
	}
	if (update->cause == KSPLICE_OK && ksplice_keeps_new_code(update))
		update->cause = KSPLICE_ADDRESSES_OUT;
	/* Tasks that were on their way into new code are in it after that, or through. */
	if (update->cause == KSPLICE_OK)
		update->cause = ksplice_wait_for_grace(update);
	if (update->cause == KSPLICE_OK && any_may_be_inside(update))
		update->cause = ksplice_switch(update, KSPLICE_LEAVE);
	if (update->cause == KSPLICE_OK) {
		rcu_barrier();
		ksplice_call_hooks(update, KSPLICE_HOOK_POST_REVERSE);
		update->stage = KSPLICE_REVERSED;
		update->order = 0;
		release_applied(update);
		ksplice_free_functions(update);
		pr_info("%s: reversed\n", update->id);
	}
	return errno_of(update->cause);
}

static bool any_is_applied(const struct ksplice_update *update)
{
	const struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list)
		if (target->applied)
			return true;
	return false;
}

static void drop_functions(struct ksplice_target *target)
{
	struct ksplice_function *f;

	list_for_each_entry(f, &target->update->functions, list) {
		if (f->target != target)
			continue;
		list_del_init(&f->switched);
		f->live = false;
	}
	ksplice_detach_ftrace(target->update);
	ksplice_free_functions(target->update);
}

/*
 * The target's module goes: nothing is written to it any more, what holds it lets
 * go, and the new code, which refers to it, is of no use for another one.
 */
void ksplice_drop_target(struct ksplice_target *target)
{
	struct ksplice_update *update = target->update;

	lockdep_assert_held(&ksplice_lock);
	ksplice_forget_match(target);
	target->outlived = target->new;
	if (!target->applied)
		return;
	drop_functions(target);
	target->applied = false;
	/* Who has an address of new code has no module to fail with. */
	if (!may_go(target))
		__module_get(target->new->owner);
	release_target(target);
	if (!any_is_applied(update)) {
		update->stage = KSPLICE_PREPARING;
		update->order = 0;
	}
}

struct part {
	int (*init)(void);
	void (*exit)(void);
};

/* In the order in which they begin; sysfs is last, for then user space comes. */
static const struct part parts[] = {
	{ ksplice_find_kernel_symbols },
	{ NULL, ksplice_shadow_exit },
	{ ksplice_exiting_init, ksplice_exiting_exit },
	{ ksplice_grace_init, ksplice_grace_exit },
	{ ksplice_cpus_init, ksplice_cpus_exit },
	{ ksplice_late_init, ksplice_late_exit },
	{ ksplice_sysfs_init, ksplice_sysfs_exit },
};

/* The last first. */
static void end_parts(unsigned int n)
{
	while (n--)
		if (parts[n].exit)
			parts[n].exit();
}

static int __init ksplice_init(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		ret = parts[i].init ? parts[i].init() : 0;
		if (!ret)
			continue;
		end_parts(i);
		return ret;
	}
	return 0;
}

static void __exit ksplice_exit(void)
{
	end_parts(ARRAY_SIZE(parts));
}

module_init(ksplice_init);
module_exit(ksplice_exit);
MODULE_DESCRIPTION("Replaces functions of the running kernel");
MODULE_LICENSE("GPL");
