// SPDX-License-Identifier: GPL-2.0-only
/*
 * What takes the place of functions in target.c and in the kernel.  Every
 * new-code module of the tests has all of these and registers some.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include "target.h"

#define NEW(name) \
	int new_##name(char *buf); \
	int new_##name(char *buf) \
	{ \
		return scnprintf(buf, 32, "new " #name SUFFIX "\n"); \
	}

NEW(core_plain)
NEW(core_bare)
NEW(core_label)
NEW(core_bare_label)
NEW(core_short)
NEW(core_twin)

int new_core_sleeper(char *buf);
int new_core_sleeper(char *buf)
{
	msleep_interruptible(300 * 1000);
	return scnprintf(buf, 32, "new sleeper" SUFFIX "\n");
}

int new_core_tight(int (*fn)(void));
int new_core_tight(int (*fn)(void))
{
	return 8;
}

int new_cmdline_proc_show(struct seq_file *m, void *v);
int new_cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "new cmdline\n");
	return 0;
}

static int new_op(char *buf)
{
	return scnprintf(buf, 32, "new op" SUFFIX "\n");
}

const struct core_table new_core_table = { .op = new_op, .last = 2 };

/* Places whose values the tests say belong to symbols of the kernel. */
void *const new_refs[] = { scnprintf, seq_puts };
