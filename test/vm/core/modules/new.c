// SPDX-License-Identifier: GPL-2.0-only
/*
 * What takes the place of functions in target.c and in the kernel.  Every
 * new-code module of the tests has all of these and registers some.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/module.h>
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

/* Hooks: each call is a word in a file, and "refuse" names the kind that says no. */
static char called[256];
module_param_string(called, called, sizeof(called), 0644);
static char refuse[16];
module_param_string(refuse, refuse, sizeof(refuse), 0644);

static int note(const char *kind)
{
	strlcat(called, kind, sizeof(called));
	strlcat(called, " ", sizeof(called));
	return strcmp(refuse, kind) ? 0 : -EPERM;
}

#define HOOK(kind) \
	int hook_##kind(void); \
	int hook_##kind(void) \
	{ \
		return note(#kind); \
	}

HOOK(pre_apply)
HOOK(check_apply)
HOOK(apply)
HOOK(post_apply)
HOOK(fail_apply)
HOOK(pre_reverse)
HOOK(check_reverse)
HOOK(reverse)
HOOK(post_reverse)
HOOK(fail_reverse)

/* Places whose values the tests say belong to symbols of the kernel. */
void *const new_refs[] = { scnprintf, seq_puts };
