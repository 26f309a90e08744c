// SPDX-License-Identifier: GPL-2.0-only
/*
 * The coming and going of old and new code, and with it of updates.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/ctype.h>
#include <linux/slab.h>
#include "core.h"

/*
 * Protects the list of updates and the coming and going of their directories.
 * It is taken before ksplice_lock.  Readers of sysfs take only ksplice_lock,
 * because removing a directory waits for them.
 */
static DEFINE_MUTEX(registry_lock);
static LIST_HEAD(updates);

static struct ksplice_update *find_update(const char *id)
{
	struct ksplice_update *update;

	list_for_each_entry(update, &updates, list)
		if (!strcmp(update->id, id))
			return update;
	return NULL;
}

struct ksplice_target *ksplice_find_target(struct ksplice_update *update, const char *name)
{
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list)
		if (!strcmp(target->name, name))
			return target;
	return NULL;
}

static struct ksplice_target *add_target(struct ksplice_update *update, const char *name)
{
	struct ksplice_target *target = kzalloc(sizeof(*target), GFP_KERNEL);

	if (!target)
		return NULL;
	target->name = kstrdup(name, GFP_KERNEL);
	if (!target->name) {
		kfree(target);
		return NULL;
	}
	target->update = update;
	target->verdict = KSPLICE_INCOMPLETE;
	list_add_tail(&target->list, &update->targets);
	return target;
}

static void drop_target_if_empty(struct ksplice_target *target)
{
	if (target->old || target->new)
		return;
	ksplice_forget_match(target);
	list_del(&target->list);
	kfree(target->name);
	kfree(target);
}

/* With registry_lock held, but not ksplice_lock. */
static void drop_update_if_empty(struct ksplice_update *update)
{
	if (!list_empty(&update->targets))
		return;
	list_del(&update->list);
	kobject_del(&update->kobj);
	ksplice_end_grace(update);
	ksplice_release_update(update);
}

static struct ksplice_update *find_or_create(const char *id)
{
	struct ksplice_update *update = find_update(id);

	if (update)
		return update;
	update = ksplice_create_update(id);
	if (!IS_ERR(update))
		list_add_tail(&update->list, &updates);
	return update;
}

/* Id and target become names of files and words in lines of text. */
static bool is_good_name(const char *name, size_t max, const char *also)
{
	size_t i;

	for (i = 0; name && name[i]; i++)
		if (i == max || (!isalnum(name[i]) && !strchr(also, name[i])))
			return false;
	return i > 0;
}

/* Ids are names of directories, beside these files. */
static bool is_taken(const char *id)
{
	return !strcmp(id, "helper") || !strcmp(id, "awaited");
}

bool ksplice_is_good_name(const char *id, const char *target)
{
	return is_good_name(id, KSPLICE_MAX_ID, "") && !is_taken(id) &&
	       is_good_name(target, MODULE_NAME_LEN - 1, "_-");
}

static bool is_good_code(const char *id, const char *target, const struct module *owner)
{
	return owner && ksplice_is_good_name(id, target);
}

/* What keeps the update from being applied, as far as it is known. */
static enum ksplice_cause verdict_of(struct ksplice_update *update)
{
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list)
		if (target->old && target->verdict != KSPLICE_OK)
			return target->verdict;
	return KSPLICE_OK;
}

/* An update that is applied takes what it awaits. */
static bool may_come(const struct ksplice_update *update, const char *target)
{
	return update->stage == KSPLICE_PREPARING ||
	       (update->stage == KSPLICE_APPLIED && ksplice_is_awaited(update->id, target));
}

static int add_code(struct ksplice_update *update, const char *name,
		    const struct ksplice_old_code *old, const struct ksplice_new_code *new)
{
	struct ksplice_target *target = ksplice_find_target(update, name);
	int ret = 0;

	lockdep_assert_held(&ksplice_lock);
	if (!may_come(update, name) || (target && target->applied))
		return -EBUSY;
	if (target && ((old && target->old) || (new && target->new)))
		return -EEXIST;
	if (!target)
		target = add_target(update, name);
	if (!target)
		return -ENOMEM;
	if (new) {
		target->new = new;
		ret = ksplice_hold_bases(target, &updates);
	}
	if (old) {
		target->old = old;
		ksplice_match_target(target);
		update->cause = verdict_of(update);
	}
	if (ret) {
		target->new = NULL;
		drop_target_if_empty(target);
	}
	return ret;
}

static int register_code(const char *id, const char *target,
			 const struct ksplice_old_code *old, const struct ksplice_new_code *new)
{
	struct ksplice_update *update;
	int ret;

	mutex_lock(&registry_lock);
	update = find_or_create(id);
	ret = PTR_ERR_OR_ZERO(update);
	if (!ret) {
		mutex_lock(&ksplice_lock);
		ret = add_code(update, target, old, new);
		mutex_unlock(&ksplice_lock);
		drop_update_if_empty(update);
	}
	mutex_unlock(&registry_lock);
	return ret;
}

static void unregister_code(const char *id, const char *name,
			    const struct ksplice_old_code *old, const struct ksplice_new_code *new)
{
	struct ksplice_update *update;
	struct ksplice_target *target;

	mutex_lock(&registry_lock);
	update = find_update(id);
	target = update ? ksplice_find_target(update, name) : NULL;
	if (target) {
		mutex_lock(&ksplice_lock);
		if (old && target->old == old) {
			ksplice_forget_match(target);
			target->old = NULL;
		}
		if (new && target->new == new) {
			ksplice_release_bases(target);
			target->new = NULL;
			target->outlived = false;
		}
		drop_target_if_empty(target);
		mutex_unlock(&ksplice_lock);
		drop_update_if_empty(update);
	}
	mutex_unlock(&registry_lock);
}

int ksplice_register_old_code(const struct ksplice_old_code *code)
{
	if (!is_good_code(code->id, code->target, code->owner) ||
	    ksplice_check_program(code->program, code->size)) {
		pr_err("%s: bad id, target or match program\n", module_name(code->owner));
		return -EINVAL;
	}
	return register_code(code->id, code->target, code, NULL);
}
EXPORT_SYMBOL_GPL(ksplice_register_old_code);

void ksplice_unregister_old_code(const struct ksplice_old_code *code)
{
	unregister_code(code->id, code->target, code, NULL);
}
EXPORT_SYMBOL_GPL(ksplice_unregister_old_code);

int ksplice_register_new_code(const struct ksplice_new_code *code)
{
	int ret;

	if (!is_good_code(code->id, code->target, code->owner)) {
		pr_err("%s: bad id or target\n", module_name(code->owner));
		return -EINVAL;
	}
	ret = ksplice_settle_sealed(code) ?: ksplice_settle_constants(code);
	return ret ?: register_code(code->id, code->target, NULL, code);
}
EXPORT_SYMBOL_GPL(ksplice_register_new_code);

/*
 * Not while the update is applied: the owner is held until it is reversed.  Hooks may have
 * left RCU callbacks since then.
 */
void ksplice_unregister_new_code(const struct ksplice_new_code *code)
{
	rcu_barrier();
	unregister_code(code->id, code->target, NULL, code);
}
EXPORT_SYMBOL_GPL(ksplice_unregister_new_code);

/* For who goes through all updates: nothing of them changes. */
struct list_head *ksplice_lock_updates(void)
{
	mutex_lock(&registry_lock);
	mutex_lock(&ksplice_lock);
	return &updates;
}

void ksplice_unlock_updates(void)
{
	mutex_unlock(&ksplice_lock);
	mutex_unlock(&registry_lock);
}
