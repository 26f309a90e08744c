// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of an update that have one line or a few: what user space sees, and writes.
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include "core.h"

static const char * const stage_names[] = {
	[KSPLICE_PREPARING] = "preparing",
	[KSPLICE_APPLIED] = "applied",
	[KSPLICE_LEAVING] = "leaving",
	[KSPLICE_REVERSED] = "reversed",
};

static const char * const cause_names[KSPLICE_N_CAUSES] = {
	[KSPLICE_OK] = "ok",
	[KSPLICE_NO_MATCH] = "no_match",
	[KSPLICE_FAILED_TO_FIND] = "failed_to_find",
	[KSPLICE_BAD_SYSTEM_MAP] = "bad_system_map",
	[KSPLICE_CODE_BUSY] = "code_busy",
	[KSPLICE_ALREADY_REVERSED] = "already_reversed",
	[KSPLICE_TARGET_NOT_LOADED] = "target_not_loaded",
	[KSPLICE_MODULE_BUSY] = "module_busy",
	[KSPLICE_OUT_OF_MEMORY] = "out_of_memory",
	[KSPLICE_UNEXPECTED] = "unexpected",
	[KSPLICE_RESERVED_TEXT] = "reserved_text",
	[KSPLICE_PROBED] = "probed",
	[KSPLICE_LIVEPATCHED] = "livepatched",
	[KSPLICE_INCOMPLETE] = "incomplete",
	[KSPLICE_BASE_MISSING] = "base_missing",
	[KSPLICE_CALL_FAILED] = "call_failed",
	[KSPLICE_STACKED] = "stacked",
	[KSPLICE_FTRACE_BUSY] = "ftrace_busy",
	[KSPLICE_FTRACE_OFF] = "ftrace_off",
	[KSPLICE_CPU_OFFLINE] = "cpu_offline",
	[KSPLICE_IN_INTERRUPTS] = "in_interrupts",
	[KSPLICE_ADDRESSES_OUT] = "addresses_out",
	[KSPLICE_STOP_TOO_LONG] = "stop_too_long",
};

/*
 * Files in sysfs ask for a user, not for a capability.  What is written here loads code,
 * takes it away, or names a program that the kernel runs: 0, or -EPERM.
 */
int ksplice_may_write(void)
{
	return capable(CAP_SYS_MODULE) ? 0 : -EPERM;
}

struct ksplice_update *ksplice_to_update(struct kobject *kobj)
{
	return container_of(kobj, struct ksplice_update, kobj);
}

static ssize_t stage_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	ssize_t ret;

	mutex_lock(&ksplice_lock);
	ret = sysfs_emit(buf, "%s\n", stage_names[ksplice_to_update(kobj)->stage]);
	mutex_unlock(&ksplice_lock);
	return ret;
}

static ssize_t stage_store(struct kobject *kobj, struct kobj_attribute *attr,
			   const char *buf, size_t count)
{
	int ret = ksplice_may_write();

	if (ret)
		return ret;
	ret = -EINVAL;
	mutex_lock(&ksplice_lock);
	if (sysfs_streq(buf, "applied"))
		ret = ksplice_apply(ksplice_to_update(kobj));
	else if (sysfs_streq(buf, "reversed"))
		ret = ksplice_reverse(ksplice_to_update(kobj));
	else if (sysfs_streq(buf, "try"))
		ret = ksplice_try(ksplice_to_update(kobj));
	mutex_unlock(&ksplice_lock);
	return ret ? ret : count;
}

static ssize_t abort_cause_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	ssize_t ret;

	mutex_lock(&ksplice_lock);
	ret = sysfs_emit(buf, "%s\n", cause_names[ksplice_to_update(kobj)->cause]);
	mutex_unlock(&ksplice_lock);
	return ret;
}

static int emit_attempt(char *buf, int at, unsigned int n, const struct ksplice_attempt *a)
{
	return at + sysfs_emit_at(buf, at,
				  "window_ns=%llu prescan_ns=%llu attempts=%u tasks=%u walked=%u\n",
				  a->window_ns, a->prescan_ns, n, a->tasks, a->walked);
}

/* The last attempt first. */
static ssize_t timing_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	const struct ksplice_timing *t = &ksplice_to_update(kobj)->timing;
	unsigned int n;
	int len = 0;

	mutex_lock(&ksplice_lock);
	for (n = t->attempts; n && n + KSPLICE_KEPT_ATTEMPTS > t->attempts; n--)
		len = emit_attempt(buf, len, n, &t->kept[n % KSPLICE_KEPT_ATTEMPTS]);
	mutex_unlock(&ksplice_lock);
	return len;
}

/* The kernel has an order_show(), which a tracer would not find by name beside another. */
static ssize_t update_order_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	ssize_t ret;

	mutex_lock(&ksplice_lock);
	ret = sysfs_emit(buf, "%u\n", ksplice_to_update(kobj)->order);
	mutex_unlock(&ksplice_lock);
	return ret;
}

static ssize_t on_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct seq_buf text;

	seq_buf_init(&text, buf, PAGE_SIZE);
	mutex_lock(&ksplice_lock);
	ksplice_print_bases(&text, ksplice_to_update(kobj));
	mutex_unlock(&ksplice_lock);
	return seq_buf_used(&text);
}

/* Words that white space separates, with a blank after each; to be freed.  NULL: no memory. */
static char *list_words(const char *words)
{
	char *list = kmalloc(strlen(words) + 2, GFP_KERNEL);
	char *to = list;

	if (!list)
		return NULL;
	for (words = skip_spaces(words); *words; words = skip_spaces(words)) {
		while (*words && !isspace(*words))
			*to++ = *words++;
		*to++ = ' ';
	}
	*to = '\0';
	return list;
}

/* Before the switch, which goes by them. */
static int set_words(const struct ksplice_update *update, char **list, const char *words)
{
	char *new;

	if (update->stage != KSPLICE_PREPARING)
		return -EBUSY;
	new = list_words(words);
	if (!new)
		return -ENOMEM;
	kfree(*list);
	*list = new;
	return 0;
}

static ssize_t show_words(char *const *list, char *buf)
{
	ssize_t ret;

	mutex_lock(&ksplice_lock);
	ret = sysfs_emit(buf, "%s\n", *list ?: "");
	mutex_unlock(&ksplice_lock);
	return ret;
}

static ssize_t store_words(const struct ksplice_update *update, char **list, const char *buf,
			   size_t count)
{
	int ret = ksplice_may_write();

	if (ret)
		return ret;
	mutex_lock(&ksplice_lock);
	ret = set_words(update, list, buf);
	mutex_unlock(&ksplice_lock);
	return ret ? ret : count;
}

static ssize_t allow_busy_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return show_words(&ksplice_to_update(kobj)->allow_busy, buf);
}

static ssize_t allow_busy_store(struct kobject *kobj, struct kobj_attribute *attr,
				const char *buf, size_t count)
{
	struct ksplice_update *update = ksplice_to_update(kobj);

	return store_words(update, &update->allow_busy, buf, count);
}

static ssize_t replaces_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return show_words(&ksplice_to_update(kobj)->replaces, buf);
}

static ssize_t replaces_store(struct kobject *kobj, struct kobj_attribute *attr,
			      const char *buf, size_t count)
{
	struct ksplice_update *update = ksplice_to_update(kobj);

	return store_words(update, &update->replaces, buf, count);
}

static ssize_t keep_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	ssize_t ret;

	mutex_lock(&ksplice_lock);
	ret = sysfs_emit(buf, "%d\n", ksplice_keeps_new_code(ksplice_to_update(kobj)));
	mutex_unlock(&ksplice_lock);
	return ret;
}

static ssize_t keep_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *buf, size_t count)
{
	int ret = ksplice_may_write();
	bool keep;

	if (!ret)
		ret = kstrtobool(buf, &keep);
	if (ret)
		return ret;
	mutex_lock(&ksplice_lock);
	ksplice_to_update(kobj)->let_go = !keep;
	mutex_unlock(&ksplice_lock);
	return count;
}

static ssize_t max_stop_ns_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	ssize_t ret;

	mutex_lock(&ksplice_lock);
	ret = sysfs_emit(buf, "%llu\n", ksplice_to_update(kobj)->max_stop_ns);
	mutex_unlock(&ksplice_lock);
	return ret;
}

static ssize_t max_stop_ns_store(struct kobject *kobj, struct kobj_attribute *attr,
				 const char *buf, size_t count)
{
	int ret = ksplice_may_write();
	u64 limit;

	if (!ret)
		ret = kstrtou64(buf, 10, &limit);
	if (ret)
		return ret;
	mutex_lock(&ksplice_lock);
	ksplice_to_update(kobj)->max_stop_ns = limit;
	mutex_unlock(&ksplice_lock);
	return count;
}

static struct kobj_attribute stage_attr = __ATTR_RW(stage);
static struct kobj_attribute abort_cause_attr = __ATTR_RO(abort_cause);
static struct kobj_attribute timing_attr = __ATTR_RO(timing);
static struct kobj_attribute order_attr = __ATTR(order, 0444, update_order_show, NULL);
static struct kobj_attribute on_attr = __ATTR_RO(on);
static struct kobj_attribute allow_busy_attr = __ATTR_RW(allow_busy);
static struct kobj_attribute replaces_attr = __ATTR_RW(replaces);
static struct kobj_attribute keep_attr = __ATTR_RW(keep);
static struct kobj_attribute max_stop_ns_attr = __ATTR_RW(max_stop_ns);

struct attribute *ksplice_update_attrs[] = {
	&stage_attr.attr,
	&abort_cause_attr.attr,
	&timing_attr.attr,
	&order_attr.attr,
	&on_attr.attr,
	&allow_busy_attr.attr,
	&replaces_attr.attr,
	&keep_attr.attr,
	&max_stop_ns_attr.attr,
	NULL
};
