// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/ksplice: what is there before any update.
 */
#include <linux/sysfs.h>
#include "core.h"

struct kobject *ksplice_root;

static ssize_t api_version_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", KSPLICE_API_VERSION);
}

static ssize_t awaited_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return ksplice_show_awaited(buf);
}

static ssize_t awaited_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	int ret = ksplice_may_write();

	if (!ret)
		ret = ksplice_await(buf);
	return ret ? ret : count;
}

static ssize_t helper_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return ksplice_show_helper(buf);
}

static ssize_t helper_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	int ret = ksplice_may_write();

	if (!ret)
		ret = ksplice_set_helper(buf);
	return ret ? ret : count;
}

static struct kobj_attribute api_version_attr = __ATTR_RO(api_version);
static struct kobj_attribute awaited_attr = __ATTR_RW(awaited);
static struct kobj_attribute helper_attr = __ATTR_RW_MODE(helper, 0600);

static const struct attribute *root_attrs[] = {
	&api_version_attr.attr,
	&awaited_attr.attr,
	&helper_attr.attr,
	NULL
};

int __init ksplice_sysfs_init(void)
{
	int ret;

	ksplice_root = kobject_create_and_add("ksplice", kernel_kobj);
	if (!ksplice_root)
		return -ENOMEM;
	ret = sysfs_create_files(ksplice_root, root_attrs);
	if (ret)
		ksplice_sysfs_exit();
	return ret;
}

/* The kernel may put off the end of the object, which must not keep the files. */
void ksplice_sysfs_exit(void)
{
	kobject_del(ksplice_root);
	kobject_put(ksplice_root);
}
