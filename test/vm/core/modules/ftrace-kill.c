// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stops ftrace for good, as it does itself when it finds something wrong.  Is never loaded: it
 * has done its work when its init is over.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static int __init ftrace_kill_init(void)
{
	struct kprobe probe = { .symbol_name = "ftrace_kill" };
	void (*kill)(void);

	if (register_kprobe(&probe))
		return -ENOENT;
	kill = (void *)probe.addr;
	unregister_kprobe(&probe);
	kill();
	return -EAGAIN;
}

module_init(ftrace_kill_init);
MODULE_DESCRIPTION("Stops ftrace for good");
MODULE_LICENSE("GPL");
