// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/ksplice/ID, and the files in it that may be longer than a page.
 */
#include <linux/capability.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include "core.h"
#include "kernel.h"

#define MISMATCHES_SIZE 16384

/* Whether who opened the file may see where things are, as for /proc/kallsyms. */
static bool may_see(struct file *file)
{
	return KERNEL(kallsyms_show_value)(file->f_cred);
}

/*
 * An attribute can show a page and no more.
 * Each read prints the whole text anew and copies its part.
 */
static ssize_t read_text(struct kobject *kobj, char *buf, loff_t pos, size_t count,
			 size_t size, void (*print)(struct seq_buf *, struct ksplice_update *))
{
	struct seq_buf text;
	ssize_t ret = -ENOMEM;
	char *room;

	room = kvmalloc(size, GFP_KERNEL);
	if (room) {
		seq_buf_init(&text, room, size);
		print(&text, ksplice_to_update(kobj));
		ret = memory_read_from_buffer(buf, count, &pos, room, seq_buf_used(&text));
	}
	kvfree(room);
	return ret;
}

/* A word in a line: blanks and control characters would tear it apart. */
static void print_word(struct seq_buf *text, const char *word)
{
	for (; *word; word++)
		seq_buf_printf(text, "%c", *word > ' ' && *word < 0x7f ? *word : '_');
}

static void print_conflicts(struct seq_buf *text, struct ksplice_update *update)
{
	const struct ksplice_conflict *c;
	unsigned int i;

	for (i = 0; i < update->n_conflicts; i++) {
		c = &update->conflicts[i];
		seq_buf_printf(text, "%d ", c->pid);
		print_word(text, c->comm);
		if (c->address == KSPLICE_UNRELIABLE)
			seq_buf_printf(text, " unreliable\n");
		else
			seq_buf_printf(text, " %pS\n", (void *)c->address);
	}
}

static void print_mismatches(struct seq_buf *text, struct ksplice_update *update)
{
	seq_buf_printf(text, "%.*s", (int)seq_buf_used(&update->mismatches),
		       update->mismatches.buffer);
}

static void print_functions(struct seq_buf *text, struct ksplice_update *update)
{
	const struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list)
		seq_buf_printf(text, "%s %s 0x%lx %lu 0x%lx\n", f->target->name, f->name,
			       f->old, f->length, f->new);
}

/* Without addresses. */
static void print_names(struct seq_buf *text, struct ksplice_update *update)
{
	const struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list)
		seq_buf_printf(text, "%s %s 0x0 %lu 0x0\n", f->target->name, f->name, f->length);
}

static size_t saved_size(const struct ksplice_function *f)
{
	if (f->content)
		return f->length;
	return f->new && !f->by_ftrace ? KSPLICE_JUMP_SIZE : 0;
}

/* What was where the update has written: a line for each stretch of memory. */
static void print_saved(struct seq_buf *text, struct ksplice_update *update)
{
	const struct ksplice_function *f;
	const u8 *saved;
	size_t at;

	list_for_each_entry(f, &update->functions, list) {
		if (!f->live || !saved_size(f))
			continue;
		seq_buf_printf(text, "0x%lx ", f->content ? f->old : f->site);
		saved = f->content ? f->old_content : f->saved;
		for (at = 0; at < saved_size(f); at++)
			seq_buf_printf(text, "%02x", saved[at]);
		seq_buf_printf(text, "\n");
	}
}

static ssize_t conflicts_read(struct file *file, struct kobject *kobj, ksplice_bin_attribute attr,
			      char *buf, loff_t pos, size_t count)
{
	ssize_t ret;

	mutex_lock(&ksplice_lock);
	ret = read_text(kobj, buf, pos, count, KSPLICE_MAX_CONFLICTS * 2 * KSYM_NAME_LEN,
			print_conflicts);
	mutex_unlock(&ksplice_lock);
	return ret;
}

static ssize_t match_read(struct file *file, struct kobject *kobj, ksplice_bin_attribute attr,
			  char *buf, loff_t pos, size_t count)
{
	ssize_t ret;

	/* Bytes of the kernel, addresses in them. */
	if (!may_see(file) && !file_ns_capable(file, &init_user_ns, CAP_SYS_MODULE))
		return -EPERM;
	mutex_lock(&ksplice_lock);
	ret = read_text(kobj, buf, pos, count, MISMATCHES_SIZE, print_mismatches);
	mutex_unlock(&ksplice_lock);
	return ret;
}

static ssize_t functions_read(struct file *file, struct kobject *kobj, ksplice_bin_attribute attr,
			      char *buf, loff_t pos, size_t count)
{
	ssize_t ret;

	mutex_lock(&ksplice_lock);
	ret = read_text(kobj, buf, pos, count,
			(ksplice_to_update(kobj)->n_functions + 1) * 2 * KSYM_NAME_LEN,
			may_see(file) ? print_functions : print_names);
	mutex_unlock(&ksplice_lock);
	return ret;
}

static ssize_t saved_read(struct file *file, struct kobject *kobj, ksplice_bin_attribute attr,
			  char *buf, loff_t pos, size_t count)
{
	const struct ksplice_update *update = ksplice_to_update(kobj);
	const struct ksplice_function *f;
	size_t size = 1;
	ssize_t ret;

	if (!may_see(file))
		return -EPERM;
	mutex_lock(&ksplice_lock);
	list_for_each_entry(f, &update->functions, list)
		size += sizeof("0x0123456789abcdef ") + 2 * saved_size(f) + 1;
	ret = read_text(kobj, buf, pos, count, size, print_saved);
	mutex_unlock(&ksplice_lock);
	return ret;
}

static BIN_ATTR_ADMIN_RO(conflicts, 0);
static BIN_ATTR_ADMIN_RO(match, 0);
static BIN_ATTR_ADMIN_RO(functions, 0);
static BIN_ATTR_ADMIN_RO(saved, 0);

static ksplice_listed_bin_attribute update_bin_attrs[] = {
	&bin_attr_conflicts,
	&bin_attr_match,
	&bin_attr_functions,
	&bin_attr_saved,
	NULL
};

static const struct attribute_group update_group = {
	.attrs = ksplice_update_attrs,
	.bin_attrs = update_bin_attrs,
};

static const struct attribute_group *update_groups[] = {
	&update_group,
	NULL
};

static void release_update(struct kobject *kobj)
{
	struct ksplice_update *update = ksplice_to_update(kobj);
	struct completion *released = update->released;

	ksplice_free_functions(update);
	kvfree(update->mismatches.buffer);
	kfree(update->allow_busy);
	kfree(update->replaces);
	kfree(update);
	complete(released);
}

static struct kobj_type update_type = {
	.release = release_update,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = update_groups,
};

/* The kernel may put off the call to release_update(), which must not find this module gone. */
void ksplice_release_update(struct ksplice_update *update)
{
	DECLARE_COMPLETION_ONSTACK(released);

	update->released = &released;
	kobject_put(&update->kobj);
	wait_for_completion(&released);
}

/* An empty update with its directory, or an ERR_PTR(). */
struct ksplice_update *ksplice_create_update(const char *id)
{
	struct ksplice_update *update = kzalloc(sizeof(*update), GFP_KERNEL);
	char *mismatches = kvmalloc(MISMATCHES_SIZE, GFP_KERNEL);
	int ret;

	if (!update || !mismatches) {
		kfree(update);
		kvfree(mismatches);
		return ERR_PTR(-ENOMEM);
	}
	strscpy(update->id, id, sizeof(update->id));
	INIT_LIST_HEAD(&update->targets);
	INIT_LIST_HEAD(&update->functions);
	INIT_LIST_HEAD(&update->going);
	INIT_LIST_HEAD(&update->gone);
	seq_buf_init(&update->mismatches, mismatches, MISMATCHES_SIZE);
	ret = kobject_init_and_add(&update->kobj, &update_type, ksplice_root, "%s", id);
	if (!ret)
		return update;
	ksplice_release_update(update);
	return ERR_PTR(ret);
}
