// SPDX-License-Identifier: GPL-2.0-only
/*
 * Updates that give way to another one: they are reversed in the stop in which it is applied,
 * so that at no moment the machine is without the one or the other.
 *
 * The new update was made for the kernel without them, and run-pre matching reads the
 * kernel like that anyway.  While it is switched they are in its list "going", the last applied
 * first, and "gives_way_to" of each of them leads back to it.  If anything refuses, nothing
 * has happened to any of them.  After the switch each one is "leaving", and is brought to
 * its end as after any undo.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/slab.h>
#include "core.h"

/* One that is applied has a function that is replaced, and stays while ksplice_lock is held. */
static struct ksplice_update *find_in_force(const char *id, size_t length)
{
	struct ksplice_function *f;

	list_for_each_entry(f, &ksplice_switched, switched)
		if (f->update->stage == KSPLICE_APPLIED && !strncmp(f->update->id, id, length) &&
		    !f->update->id[length])
			return f->update;
	return NULL;
}

static void add_going(struct ksplice_update *update, struct ksplice_update *other)
{
	struct list_head *next;

	other->gives_way_to = update;
	list_for_each(next, &update->going)
		if (list_entry(next, struct ksplice_update, gone)->order < other->order)
			break;
	/* In front of that one, or at the end. */
	list_add_tail(&other->gone, next);
}

static bool is_on(const struct ksplice_update *update, const struct ksplice_update *other)
{
	const struct ksplice_target *target, *below;

	list_for_each_entry(target, &update->targets, list)
		list_for_each_entry(below, &other->targets, list)
			if (target->new &&
			    ksplice_is_base(target->new->bases, target->new->n_bases, below))
				return true;
	return false;
}

static enum ksplice_cause add_named(struct ksplice_update *update, const char *id, size_t length)
{
	struct ksplice_update *other = find_in_force(id, length);

	if (!other) {
		pr_info("%s: %.*s is not applied\n", update->id, (int)length, id);
		return KSPLICE_BASE_MISSING;
	}
	if (other->gives_way_to)
		return KSPLICE_OK;
	add_going(update, other);
	if (!is_on(update, other))
		return KSPLICE_OK;
	pr_info("%s: it was made on top of %s, and cannot replace it\n", update->id, other->id);
	return KSPLICE_STACKED;
}

/*
 * Finds the updates that give way, and whether they can.  Whatever it returns,
 * ksplice_end_replacing() is called after it.
 */
enum ksplice_cause ksplice_begin_replacing(struct ksplice_update *update)
{
	enum ksplice_cause cause = KSPLICE_OK;
	struct ksplice_update *other;
	const char *id, *end;

	/* What comes later comes to an update that is applied: the others have gone. */
	if (update->stage != KSPLICE_PREPARING)
		return KSPLICE_OK;
	for (id = update->replaces; id && *id && cause == KSPLICE_OK; id = end + 1) {
		end = strchr(id, ' ');
		cause = add_named(update, id, end - id);
	}
	list_for_each_entry(other, &update->going, gone) {
		if (cause == KSPLICE_OK)
			cause = ksplice_check_above(other);
		if (cause == KSPLICE_OK && ksplice_is_starting(other))
			cause = KSPLICE_MODULE_BUSY;
	}
	return cause;
}

/* After the switch, or instead of it. */
void ksplice_end_replacing(struct ksplice_update *update, bool switched)
{
	struct ksplice_update *other, *next;

	list_for_each_entry_safe(other, next, &update->going, gone) {
		list_del_init(&other->gone);
		other->gives_way_to = NULL;
		if (switched)
			ksplice_mark_leaving(other);
		else
			ksplice_free_ranges(other);
	}
	/* It may be applied again, for a module that comes back. */
	if (switched) {
		kfree(update->replaces);
		update->replaces = NULL;
	}
}
