// SPDX-License-Identifier: GPL-2.0-only
/*
 * Updates on updates.
 *
 * An update that was made on top of others, its bases, may replace functions again
 * that they have replaced, and uses the symbols that they added.  So all of them are
 * applied before it and reversed after it.
 *
 * The module loader binds new code to the new code of its bases.  From then on the new
 * code of the bases must stay loaded until this new code is unloaded, even if the
 * update is never applied.  The same holds inside of one update: new code of one
 * target may use new code of targets that were loaded before.  A link is made as soon
 * as new code is registered.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/slab.h>
#include "core.h"

struct link {
	struct list_head list;
	struct ksplice_target *above, *below;
};

static LIST_HEAD(links);

static bool is_base(const struct ksplice_base *base, const struct ksplice_target *target)
{
	return target->new && target->new->cookie == base->cookie &&
	       !strcmp(target->name, base->target) && !strcmp(target->update->id, base->id);
}

/*
 * Whether an update with these bases was made on top of everything that is applied to that
 * target.
 */
bool ksplice_is_base(const struct ksplice_base *bases, unsigned int n,
		     const struct ksplice_target *target)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (is_base(&bases[i], target))
			return true;
	return false;
}

static struct ksplice_target *find_applied(const struct ksplice_base *base,
					   struct list_head *updates)
{
	struct ksplice_update *update;
	struct ksplice_target *target;

	list_for_each_entry(update, updates, list) {
		if (update->stage != KSPLICE_APPLIED)
			continue;
		list_for_each_entry(target, &update->targets, list)
			if (target->applied && is_base(base, target))
				return target;
	}
	return NULL;
}

/*
 * A part of a base whose module is not loaded yet is not missed, but for the one
 * in the same module: what comes later is applied from below as well.
 */
static bool may_lack(const struct ksplice_target *target, const struct ksplice_base *base)
{
	return strcmp(base->target, target->name) && ksplice_is_awaited(base->id, base->target);
}

static int add_link(struct ksplice_target *above, struct ksplice_target *below)
{
	struct link *link = kzalloc(sizeof(*link), GFP_KERNEL);

	if (!link)
		return -ENOMEM;
	/* One that is on its way out waits for a lock of ours to unregister. */
	if (!try_module_get(below->new->owner)) {
		kfree(link);
		return -EBUSY;
	}
	link->above = above;
	link->below = below;
	list_add_tail(&link->list, &links);
	return 0;
}

/* The other targets of the update that are there already. */
static int hold_others(struct ksplice_target *target)
{
	struct ksplice_target *other;
	int ret = 0;

	list_for_each_entry(other, &target->update->targets, list)
		if (other != target && other->new && !ret)
			ret = add_link(target, other);
	return ret;
}

/* Holds the new code that this target's may use, as long as that is there.  -ENOMEM, -EBUSY. */
int ksplice_hold_bases(struct ksplice_target *target, struct list_head *updates)
{
	const struct ksplice_new_code *new = target->new;
	struct ksplice_target *below;
	unsigned int i;
	int ret;

	ret = hold_others(target);
	target->on_bases = true;
	for (i = 0; i < new->n_bases && !ret; i++) {
		below = find_applied(&new->bases[i], updates);
		if (below)
			ret = add_link(target, below);
		else if (!may_lack(target, &new->bases[i]))
			target->on_bases = false;
	}
	if (ret)
		ksplice_release_bases(target);
	return ret;
}

void ksplice_release_bases(struct ksplice_target *target)
{
	struct link *link, *next;

	list_for_each_entry_safe(link, next, &links, list) {
		if (link->above != target)
			continue;
		module_put(link->below->new->owner);
		list_del(&link->list);
		kfree(link);
	}
}

static bool is_applied(const struct ksplice_target *above, const struct ksplice_base *base)
{
	struct link *link;

	list_for_each_entry(link, &links, list)
		if (link->above == above && is_base(base, link->below))
			return link->below->update->stage == KSPLICE_APPLIED &&
			       link->below->applied;
	return false;
}

/* New code that came before a base was applied may be bound to something else. */
enum ksplice_cause ksplice_check_bases(struct ksplice_update *update)
{
	enum ksplice_cause cause = KSPLICE_OK;
	const struct ksplice_base *base;
	struct ksplice_target *target;
	unsigned int i;

	list_for_each_entry(target, &update->targets, list) {
		if (!ksplice_is_fresh(target))
			continue;
		for (i = 0; i < target->new->n_bases; i++) {
			base = &target->new->bases[i];
			if (target->on_bases &&
			    (is_applied(target, base) || may_lack(target, base)))
				continue;
			seq_buf_printf(&update->mismatches,
				       "%s update %s+0x0 expected applied found missing\n",
				       base->target, base->id);
			cause = KSPLICE_BASE_MISSING;
		}
	}
	return cause;
}

/* What is on this one, and not reversed, keeps it from being reversed. */
enum ksplice_cause ksplice_check_above(struct ksplice_update *update)
{
	enum ksplice_cause cause = KSPLICE_OK;
	struct ksplice_update *told = update->gives_way_to ?: update;
	struct ksplice_update *above, *last = NULL;
	struct link *link;

	seq_buf_clear(&told->mismatches);
	list_for_each_entry(link, &links, list) {
		above = link->above->update;
		if (link->below->update != update || above == update ||
		    above->stage == KSPLICE_REVERSED)
			continue;
		/* It goes first, in the same stop. */
		if (update->gives_way_to && above->gives_way_to == update->gives_way_to)
			continue;
		cause = KSPLICE_STACKED;
		/* There is a link for each pair of their targets. */
		if (above == last)
			continue;
		last = above;
		seq_buf_printf(&told->mismatches,
			       "%s update %s+0x0 expected reversed found on-top\n",
			       link->above->name, above->id);
	}
	return cause;
}

static bool is_printed(const struct ksplice_base *bases, unsigned int i)
{
	unsigned int k;

	for (k = 0; k < i; k++)
		if (!strcmp(bases[k].id, bases[i].id))
			return true;
	return false;
}

/* The ids of the updates that it was made on top of, a line each. */
void ksplice_print_bases(struct seq_buf *text, const struct ksplice_update *update)
{
	const struct ksplice_new_code *new;
	struct ksplice_target *target;
	unsigned int i;

	/* Those of all targets are the same. */
	list_for_each_entry(target, &update->targets, list) {
		new = target->new;
		if (!new)
			continue;
		for (i = 0; i < new->n_bases; i++)
			if (!is_printed(new->bases, i))
				seq_buf_printf(text, "%s\n", new->bases[i].id);
		return;
	}
}
