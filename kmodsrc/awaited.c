// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which updates await which modules: a list that user space writes, line by line.
 * What becomes of a module that is awaited is in late.c.
 */
#include <linux/slab.h>
#include <linux/sysfs.h>
#include "core.h"
#include "kernel.h"

#define MAX_AWAITED 50			/* so that a page has them all */

struct awaited {
	struct list_head list;
	char id[KSPLICE_MAX_ID + 1];
	char target[MODULE_NAME_LEN];
};

/* Protects the list; taken last. */
static DEFINE_SPINLOCK(awaited_lock);
static LIST_HEAD(all_awaited);		/* in the order in which they are applied */
static unsigned int n_awaited;

static struct awaited *find_awaited(const char *id, const char *target)
{
	struct awaited *a;

	list_for_each_entry(a, &all_awaited, list)
		if (!strcmp(a->id, id) && !strcmp(a->target, target))
			return a;
	return NULL;
}

bool ksplice_is_awaited(const char *id, const char *target)
{
	bool found;

	spin_lock(&awaited_lock);
	found = find_awaited(id, target);
	spin_unlock(&awaited_lock);
	return found;
}

/* How many updates await the module. */
unsigned int ksplice_count_awaiting(const char *target)
{
	struct awaited *a;
	unsigned int n = 0;

	spin_lock(&awaited_lock);
	list_for_each_entry(a, &all_awaited, list)
		if (!strcmp(a->target, target))
			n++;
	spin_unlock(&awaited_lock);
	return n;
}

/* Targets of the update that are not here, and may be missing. */
unsigned int ksplice_count_awaited(struct ksplice_update *update)
{
	struct ksplice_target *target;
	struct awaited *a;
	unsigned int n = 0;

	spin_lock(&awaited_lock);
	list_for_each_entry(a, &all_awaited, list) {
		if (strcmp(a->id, update->id))
			continue;
		target = ksplice_find_target(update, a->target);
		if (!target || target->outlived)
			n++;
	}
	spin_unlock(&awaited_lock);
	return n;
}

/* Whether it is too late: the module is there, or past this point. */
static bool is_here(const char *target)
{
	const struct module *mod;

	/* The address alone is compared: it may be gone. */
	preempt_disable();
	mod = KERNEL(find_module)(target);
	preempt_enable();
	return mod && !ksplice_is_expected(mod);
}

static void free_awaited(struct awaited *a)
{
	kfree(a);
	module_put(THIS_MODULE);
}

static int stop_awaiting(const char *id, const char *target)
{
	struct awaited *a;

	spin_lock(&awaited_lock);
	a = find_awaited(id, target);
	if (a) {
		list_del(&a->list);
		n_awaited--;
	}
	spin_unlock(&awaited_lock);
	if (!a)
		return -ENOENT;
	free_awaited(a);
	return 0;
}

/* The update is reversed, or about to be. */
void ksplice_stop_awaiting(const char *id)
{
	struct awaited *a, *next;
	LIST_HEAD(over);

	spin_lock(&awaited_lock);
	list_for_each_entry_safe(a, next, &all_awaited, list) {
		if (strcmp(a->id, id))
			continue;
		list_move(&a->list, &over);
		n_awaited--;
	}
	spin_unlock(&awaited_lock);
	list_for_each_entry_safe(a, next, &over, list)
		free_awaited(a);
}

static int add_awaited(struct awaited *a)
{
	int ret = -EEXIST;

	spin_lock(&awaited_lock);
	if (n_awaited == MAX_AWAITED) {
		ret = -ENOSPC;
	} else if (!find_awaited(a->id, a->target)) {
		list_add_tail(&a->list, &all_awaited);
		n_awaited++;
		ret = 0;
	}
	spin_unlock(&awaited_lock);
	return ret;
}

/* What is awaited keeps the core: nobody else would see the module come. */
static int await(const char *id, const char *target)
{
	struct awaited *a;
	int ret;

	if (ksplice_is_awaited(id, target))
		return 0;
	/* Not while the core is being unloaded. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a) {
		module_put(THIS_MODULE);
		return -ENOMEM;
	}
	strscpy(a->id, id, sizeof(a->id));
	strscpy(a->target, target, sizeof(a->target));
	ret = add_awaited(a);
	if (ret) {
		free_awaited(a);
		return ret == -EEXIST ? 0 : ret;
	}
	/* Looked at afterwards: whoever comes later finds it in the list. */
	if (!is_here(target))
		return 0;
	stop_awaiting(id, target);
	return -EBUSY;
}

/* "+ID TARGET" or "-ID TARGET".  -EBUSY: the module is loaded, or being loaded. */
int ksplice_await(const char *line)
{
	char id[KSPLICE_MAX_ID + 1], target[MODULE_NAME_LEN], sign, end = '\n';

	BUILD_BUG_ON(KSPLICE_MAX_ID != 16 || MODULE_NAME_LEN != 56);
	/* What follows shows that a word was too long. */
	if (sscanf(line, "%c%16s %55s%c", &sign, id, target, &end) < 3 || end != '\n')
		return -EINVAL;
	if (!ksplice_is_good_name(id, target) || !strcmp(target, "vmlinux"))
		return -EINVAL;
	if (sign == '-')
		return stop_awaiting(id, target);
	return sign == '+' ? await(id, target) : -EINVAL;
}

static bool is_in_effect(struct list_head *updates, const struct awaited *a)
{
	struct ksplice_update *update;
	struct ksplice_target *target;

	list_for_each_entry(update, updates, list) {
		if (strcmp(update->id, a->id))
			continue;
		target = ksplice_find_target(update, a->target);
		return target && target->applied;
	}
	return false;
}

/* Those that have not come yet: lines "ID TARGET", in the order in which they are applied. */
ssize_t ksplice_show_awaited(char *buf)
{
	struct list_head *updates = ksplice_lock_updates();
	struct awaited *a;
	int length = 0;

	spin_lock(&awaited_lock);
	list_for_each_entry(a, &all_awaited, list)
		if (!is_in_effect(updates, a))
			length += sysfs_emit_at(buf, length, "%s %s\n", a->id, a->target);
	spin_unlock(&awaited_lock);
	ksplice_unlock_updates();
	return length;
}
