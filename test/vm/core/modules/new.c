// SPDX-License-Identifier: GPL-2.0-only
/*
 * What takes the place of functions in target.c and in the kernel.  Every
 * new-code module of the tests has all of these and registers some.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "target.h"

#define NEW(name) \
	int new_##name(char *buf); \
	int new_##name(char *buf) \
	{ \
		return scnprintf(buf, 32, "new " #name SUFFIX "\n"); \
	}

NEW(core_plain)
NEW(core_padded)
NEW(core_bare)
NEW(core_label)
NEW(core_bare_label)
NEW(core_short)
NEW(core_twin)
NEW(core_nokprobe)
NEW(core_bare_nokprobe)

int new_core_sleeper(char *buf);
int new_core_sleeper(char *buf)
{
	msleep_interruptible(300 * 1000);
	return scnprintf(buf, 32, "new sleeper" SUFFIX "\n");
}

/* Sleeps below code that the unwinder takes for the end of a stack. */
static int nap(void)
{
	msleep_interruptible(300 * 1000);
	return 9;
}

int new_core_hidden(char *buf, int (*hide)(int (*fn)(void)));
int new_core_hidden(char *buf, int (*hide)(int (*fn)(void)))
{
	return scnprintf(buf, 32, "new hidden %d\n", hide(nap));
}

/* So many callbacks that they take a second. */
static void called_back(struct rcu_head *head)
{
	udelay(200);
	kfree(head);
}

int new_core_callbacks(char *buf);
int new_core_callbacks(char *buf)
{
	struct rcu_head *head;
	int i;

	for (i = 0; i < 5000; i++) {
		head = kmalloc(sizeof(*head), GFP_KERNEL);
		if (head)
			call_rcu(head, called_back);
	}
	return scnprintf(buf, 32, "new callbacks\n");
}

/* A thread that waits to begin: the first call makes it, the next ends it. */
static int never(void *unused)
{
	return 0;
}

int new_core_thread(char *buf);
int new_core_thread(char *buf)
{
	static struct task_struct *thread;

	if (thread) {
		kthread_stop(thread);
		put_task_struct(thread);
		thread = NULL;
		return scnprintf(buf, 32, "ended\n");
	}
	thread = kthread_create(never, NULL, "core_thread");
	if (IS_ERR(thread)) {
		thread = NULL;
		return -ENOMEM;
	}
	get_task_struct(thread);
	return scnprintf(buf, 32, "made\n");
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

/*
 * A CPU that is slow on its way into the stop: each round of the kernel's loop takes it a tenth of a
 * second, in a function that the loop calls.
 */
static bool is_on_its_way;

static int __kprobes slow_down(struct kprobe *probe, struct pt_regs *regs)
{
	if (!raw_smp_processor_id() || regs->flags & X86_EFLAGS_IF)
		return 0;
	WRITE_ONCE(is_on_its_way, true);
	mdelay(100);
	WRITE_ONCE(is_on_its_way, false);
	return 0;
}

static struct kprobe slow_probe = { .pre_handler = slow_down };

static int slow_set(const char *value, const struct kernel_param *kp)
{
	int ret;

	if (value[0] != '1') {
		unregister_kprobe(&slow_probe);
		return 0;
	}
	slow_probe.symbol_name = "rcu_momentary_eqs";
	ret = register_kprobe(&slow_probe);
	if (ret != -ENOENT)
		return ret;
	/* Its name before 6.12, and in some older series. */
	slow_probe.symbol_name = "rcu_momentary_dyntick_idle";
	return register_kprobe(&slow_probe);
}

static const struct kernel_param_ops slow_ops = { .set = slow_set };
module_param_cb(slow, &slow_ops, NULL, 0200);

int hook_check_apply(void);
int hook_check_apply(void)
{
	return READ_ONCE(is_on_its_way) ? -EBUSY : note("check_apply");
}

HOOK(pre_apply)
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
