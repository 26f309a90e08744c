// SPDX-License-Identifier: GPL-2.0-only
/*
 * A livepatch of the kernel's own kind for a function of the target module.
 */
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>

static int livepatch_plain(char *buf)
{
	return scnprintf(buf, 32, "livepatched plain\n");
}

static struct klp_func funcs[] = {
	{ .old_name = "core_plain", .new_func = livepatch_plain },
	{ }
};

static struct klp_object objs[] = {
	{ .name = "core_target", .funcs = funcs },
	{ }
};

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objs };

static int __init livepatch_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit livepatch_exit(void)
{
}

module_init(livepatch_init);
module_exit(livepatch_exit);
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("Livepatches core_target");
MODULE_LICENSE("GPL");
