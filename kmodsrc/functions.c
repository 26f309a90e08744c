// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions that updates replace: those that an update wants to replace, and those
 * that are replaced now.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "core.h"

LIST_HEAD(ksplice_switched);

static enum ksplice_cause add_function(struct ksplice_target *target,
				       const struct ksplice_change *change)
{
	const struct ksplice_match *m = &target->match;
	const struct ksplice_span *span;
	struct ksplice_function *f;

	if (change->span >= m->program->spans.count ||
	    (change->flags & KSPLICE_CHANGE_DATA && !change->new_addr))
		return KSPLICE_UNEXPECTED;
	span = &ksplice_spans(m->program)[change->span];
	if (!(span->flags & KSPLICE_SPAN_REPLACED))
		return KSPLICE_UNEXPECTED;
	if (!m->addresses[change->span])
		return KSPLICE_FAILED_TO_FIND;
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return KSPLICE_OUT_OF_MEMORY;
	list_add_tail(&f->list, &target->update->functions);
	target->update->n_functions++;
	INIT_LIST_HEAD(&f->switched);
	f->update = target->update;
	f->target = target;
	f->span = change->span;
	f->old = m->addresses[change->span];
	f->length = span->length;
	f->below = ksplice_find_switched(f->old, f->length, f->update);
	f->name = kstrdup(ksplice_string(m->program, span->name), GFP_KERNEL);
	if (!f->name)
		return KSPLICE_OUT_OF_MEMORY;
	if (!(change->flags & KSPLICE_CHANGE_DATA)) {
		f->new = (unsigned long)change->new_addr;
		return KSPLICE_OK;
	}
	f->content = change->new_addr;
	f->old_content = kvmalloc(f->length, GFP_KERNEL);
	return f->old_content ? KSPLICE_OK : KSPLICE_OUT_OF_MEMORY;
}

/* Adds those of the targets that are to be applied; each has new code and a match. */
enum ksplice_cause ksplice_list_functions(struct ksplice_update *update)
{
	enum ksplice_cause cause = KSPLICE_OK;
	struct ksplice_target *target;
	unsigned int i;

	ksplice_free_functions(update);
	list_for_each_entry(target, &update->targets, list) {
		if (!ksplice_is_fresh(target))
			continue;
		for (i = 0; i < target->new->n_changes && cause == KSPLICE_OK; i++)
			cause = add_function(target, &target->new->changes[i]);
	}
	if (cause == KSPLICE_OK)
		cause = ksplice_mark_allow_busy(update);
	if (cause != KSPLICE_OK)
		ksplice_free_functions(update);
	return cause;
}

/* Frees all that are not live. */
void ksplice_free_functions(struct ksplice_update *update)
{
	struct ksplice_function *f, *next;

	list_for_each_entry_safe(f, next, &update->functions, list) {
		if (f->live)
			continue;
		list_del(&f->list);
		update->n_functions--;
		kfree(f->name);
		kvfree(f->old_content);
		kfree(f);
	}
	ksplice_free_ranges(update);
}

/* For the update it is not there any more. */
static bool gives_way(const struct ksplice_function *f, const struct ksplice_update *update)
{
	return f->update->gives_way_to == update;
}

/*
 * The function that is replaced and has bytes in the range, if any: the one on top of
 * those that do not give way to the update.
 */
struct ksplice_function *ksplice_find_switched(unsigned long start, unsigned long length,
					       const struct ksplice_update *update)
{
	struct ksplice_function *f;

	list_for_each_entry(f, &ksplice_switched, switched)
		if (f->old < start + length && start < f->old + f->length &&
		    !gives_way(f, update))
			return f;
	return NULL;
}

/* Replaces, in bytes that were read, everything that the core has written by the saved bytes. */
static void lay_over(u8 *to, u64 address, size_t length, const u8 *saved, u64 site, size_t size)
{
	u64 first = max(address, site), end = min(address + length, site + size);

	if (first < end)
		memcpy(to + (first - address), saved + (first - site), end - first);
}

static void take_back(u8 *to, u64 address, size_t length, const struct ksplice_function *f)
{
	if (f->content)
		lay_over(to, address, length, f->old_content, f->old, f->length);
	else if (f->new && !f->by_ftrace)
		lay_over(to, address, length, f->saved, f->site, KSPLICE_JUMP_SIZE);
}

/*
 * Reads the running kernel as it would be without any update, so that an
 * update can be matched against an object that another has changed.  What was
 * written last is taken back first.
 */
int ksplice_read_text(void *to, u64 address, size_t length)
{
	const struct ksplice_function *f;

	if (copy_from_kernel_nofault(to, (void *)(unsigned long)address, length))
		return -EFAULT;
	list_for_each_entry(f, &ksplice_switched, switched)
		take_back(to, address, length, f);
	return 0;
}

/*
 * Reads it as it will be when what gives way to the update has gone; with a function that
 * gives way itself, only what was written over that.  Without an update, as it is.
 */
int ksplice_read_below(void *to, u64 address, size_t length, const struct ksplice_update *update,
		       const struct ksplice_function *f)
{
	const struct ksplice_function *above;

	if (copy_from_kernel_nofault(to, (void *)(unsigned long)address, length))
		return -EFAULT;
	list_for_each_entry(above, &ksplice_switched, switched) {
		if (!update || above == f)
			break;
		if (gives_way(above, update))
			take_back(to, address, length, above);
	}
	return 0;
}
