// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which code has to be idle at the switch of an update, and which code may be busy.
 *
 * As a rule no task may be in a function that is replaced.  If some task is always in
 * a function, the author of the update (or the person who applies it) may promise that
 * old and new code can run side by side.  Then only the bytes that the switch writes
 * have to be idle: a task that was interrupted among them, or that returns there,
 * would go on in the middle of the jump.  All other tasks finish the old code, which
 * is unchanged behind the jump.  Undo restores the bytes in the same way, and the new
 * code stays loaded until no task is in it any more.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/slab.h>
#include <linux/sort.h>
#include "core.h"
#include "kernel.h"

/* NAME stands for NAME.cold and NAME.isra.0, too: the compiler chose the rest. */
static bool is_named(const char *name, const char *word, size_t length)
{
	return !strncmp(name, word, length) && (!name[length] || name[length] == '.');
}

static bool mark(struct ksplice_update *update, const char *word, size_t length)
{
	struct ksplice_function *f;
	bool found = false;

	list_for_each_entry(f, &update->functions, list) {
		if (f->content || !is_named(f->name, word, length))
			continue;
		f->allow_busy = true;
		found = true;
	}
	/* It may be one of a module that is not loaded yet. */
	if (!found && ksplice_count_awaited(update))
		return true;
	if (!found)
		pr_info("%s: %.*s is no function that it replaces\n", update->id, (int)length,
			word);
	return found;
}

/* Every name must be that of a function. */
enum ksplice_cause ksplice_mark_allow_busy(struct ksplice_update *update)
{
	enum ksplice_cause cause = KSPLICE_OK;
	const char *word, *end;

	for (word = update->allow_busy; word && *word; word = end + 1) {
		end = strchr(word, ' ');
		if (!mark(update, word, end - word))
			cause = KSPLICE_UNEXPECTED;
	}
	return cause;
}

static void note_range(struct ksplice_update *update, unsigned long start, unsigned long end,
		       enum ksplice_use use)
{
	if (start < end)
		update->ranges[update->n_ranges++] = (struct ksplice_range){ start, end, use };
}

static void add_old(struct ksplice_update *update, const struct ksplice_function *f)
{
	if (!f->allow_busy)
		note_range(update, f->old, f->old + f->length, KSPLICE_HELD);
	else if (f->new && !f->by_ftrace)
		/* At the first byte a task goes on with the jump, as everybody does. */
		note_range(update, f->site + 1, f->site + KSPLICE_JUMP_SIZE, KSPLICE_HELD);
}

static enum ksplice_cause add_new(struct ksplice_update *update, const struct ksplice_function *f)
{
	unsigned long size, offset;

	if (!f->new)
		return KSPLICE_OK;
	if (!KERNEL(kallsyms_lookup_size_offset)(f->new, &size, &offset) || offset)
		return KSPLICE_UNEXPECTED;
	note_range(update, f->new, f->new + size, f->allow_busy ? KSPLICE_MAY_STAY : KSPLICE_HELD);
	return KSPLICE_OK;
}

/* All of a module where one of its functions is replaced and may not be busy. */
static void add_below(struct ksplice_update *update, const struct ksplice_function *f)
{
	struct module *owner;
	unsigned int i;

	if (!f->below || f->allow_busy)
		return;
	owner = f->below->target->new->owner;
	for (i = 0; i < update->n_below; i++)
		if (update->below[i] == owner)
			return;
	update->below[update->n_below++] = owner;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct ksplice_range *first = a, *second = b;

	return first->start < second->start ? -1 : first->start > second->start;
}

/* Two names of one function give two ranges; what has to be idle wins. */
static void merge_ranges(struct ksplice_update *update)
{
	struct ksplice_range *last = update->ranges, *next = last + 1;
	struct ksplice_range *end = update->ranges + update->n_ranges;

	if (last == end)
		return;
	for (; next < end; next++) {
		if (next->start >= last->end) {
			*++last = *next;
			continue;
		}
		last->end = max(last->end, next->end);
		if (next->use == KSPLICE_HELD)
			last->use = KSPLICE_HELD;
	}
	update->n_ranges = last + 1 - update->ranges;
}

void ksplice_free_ranges(struct ksplice_update *update)
{
	kvfree(update->ranges);
	kvfree(update->below);
	update->ranges = NULL;
	update->below = NULL;
	update->n_ranges = 0;
	update->n_below = 0;
}

/*
 * Of what is switched next.  Sites have been chosen.  Stacks have many addresses:
 * each is looked up by bisection.
 */
enum ksplice_cause ksplice_sort_ranges(struct ksplice_update *update, bool undo)
{
	enum ksplice_cause cause = KSPLICE_OK;
	struct ksplice_function *f;

	ksplice_free_ranges(update);
	update->ranges = kvcalloc(2 * update->n_functions, sizeof(*update->ranges), GFP_KERNEL);
	update->below = kvcalloc(update->n_functions, sizeof(*update->below), GFP_KERNEL);
	if (!update->ranges || !update->below)
		return KSPLICE_OUT_OF_MEMORY;
	list_for_each_entry(f, &update->functions, list) {
		if (f->live != undo)
			continue;
		add_old(update, f);
		add_below(update, f);
		if (update->allow_busy && cause == KSPLICE_OK)
			cause = add_new(update, f);
	}
	sort(update->ranges, update->n_ranges, sizeof(*update->ranges), compare_ranges, NULL);
	merge_ranges(update);
	return cause;
}

enum ksplice_use ksplice_find_use(const struct ksplice_update *update, unsigned long address)
{
	const struct ksplice_range *range = update->ranges;
	unsigned int n = update->n_ranges, half;

	/* The answer is among the first n of what is left. */
	while (n > 1) {
		half = n / 2;
		if (range[half].start <= address)
			range += half;
		n -= half;
	}
	return n && address >= range->start && address < range->end ? range->use : KSPLICE_NO_USE;
}
