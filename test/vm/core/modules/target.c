// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module whose functions the tests of the kernel core replace.  Reading a
 * parameter calls a function, which says whether it is the old one.
 */
#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/wait.h>
#include <asm/nospec-branch.h>
#include "target.h"

#define SHOW(name) \
	static int name##_get(char *buf, const struct kernel_param *kp) \
	{ \
		return core_##name(buf); \
	} \
	static const struct kernel_param_ops name##_ops = { .get = name##_get }; \
	module_param_cb(name, &name##_ops, NULL, 0444)

static noinline int core_plain(char *buf)
{
	return scnprintf(buf, 32, "old plain\n");
}
SHOW(plain);

/* What is behind the jump is the same instructions wherever the module lies. */
static noinline int core_padded(char *buf)
{
	asm volatile(".rept 16; nop; .endr");
	return scnprintf(buf, 32, "old padded\n");
}
SHOW(padded);

/* No call to ftrace at its start. */
static noinline notrace int core_bare(char *buf)
{
	return scnprintf(buf, 32, "old bare\n");
}
SHOW(bare);

static DECLARE_WAIT_QUEUE_HEAD(queue);

/* Not to be adapted to its only caller, which would change its name. */
static __attribute__((__noipa__)) int core_sleeper(char *buf)
{
	DEFINE_WAIT(wait);

	prepare_to_wait(&queue, &wait, TASK_INTERRUPTIBLE);
	if (!signal_pending(current))
		schedule();
	finish_wait(&queue, &wait);
	return scnprintf(buf, 32, "old sleeper\n");
}

/* Not a parameter: only one of those can be read or written at a time. */
static int sleeper_show(struct seq_file *m, void *v)
{
	char buf[32];

	core_sleeper(buf);
	seq_puts(m, buf);
	return 0;
}

/*
 * Calls what it is given from within its first five bytes, where the jump goes:
 * it has no call to ftrace.
 */
int core_tight(int (*fn)(void));
asm(".pushsection .text\n"
    ".type core_tight, @function\n"
    "core_tight:\n"
    "	push %rbx\n"
    ANNOTATE_RETPOLINE_SAFE
    "	call *%rdi\n"
    "	pop %rbx\n"
    ASM_RET
    ".size core_tight, . - core_tight\n"
    ".popsection\n");

static int wait_for_wake(void)
{
	DEFINE_WAIT(wait);

	prepare_to_wait(&queue, &wait, TASK_INTERRUPTIBLE);
	if (!signal_pending(current))
		schedule();
	finish_wait(&queue, &wait);
	return 7;
}

static int tight_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%d\n", core_tight(wait_for_wake));
	return 0;
}

/*
 * Calls what it is given from code that the unwinder takes for the end of a stack, as it
 * does with some thunks of the kernel: see hidden.S.
 */
int core_hide(int (*fn)(void));

static __attribute__((__noipa__)) int core_hidden(char *buf, int (*hide)(int (*fn)(void)))
{
	return scnprintf(buf, 32, "old hidden %d\n", hide(wait_for_wake));
}

static int hidden_show(struct seq_file *m, void *v)
{
	char buf[32];

	core_hidden(buf, core_hide);
	seq_puts(m, buf);
	return 0;
}

/* Code that may run while a breakpoint is handled. */
static noinline int core_nokprobe(char *buf)
{
	return scnprintf(buf, 32, "old nokprobe\n");
}
NOKPROBE_SYMBOL(core_nokprobe);
SHOW(nokprobe);

/* The same, and ftrace cannot help. */
static noinline notrace int core_bare_nokprobe(char *buf)
{
	return scnprintf(buf, 32, "old bare nokprobe\n");
}
NOKPROBE_SYMBOL(core_bare_nokprobe);
SHOW(bare_nokprobe);

/* Their new code leaves something behind. */
static noinline int core_callbacks(char *buf)
{
	return scnprintf(buf, 32, "old callbacks\n");
}
SHOW(callbacks);

static noinline int core_thread(char *buf)
{
	return scnprintf(buf, 32, "old thread\n");
}
SHOW(thread);

static int wake_set(const char *value, const struct kernel_param *kp)
{
	wake_up_all(&queue);
	return 0;
}

static const struct kernel_param_ops wake_ops = { .set = wake_set };
module_param_cb(wake, &wake_ops, NULL, 0200);

/* It gives its CPU to others, but never sleeps: Tasks RCU waits for it. */
static int spin(void *unused)
{
	while (!kthread_should_stop())
		cond_resched();
	return 0;
}

static struct task_struct *spinner;

static void stop_spinner(void)
{
	if (spinner)
		kthread_stop(spinner);
	spinner = NULL;
}

static int spin_set(const char *value, const struct kernel_param *kp)
{
	struct task_struct *task;

	stop_spinner();
	if (*value != '1')
		return 0;
	task = kthread_run(spin, NULL, "core_spinner");
	if (IS_ERR(task))
		return PTR_ERR(task);
	spinner = task;
	return 0;
}

static const struct kernel_param_ops spin_ops = { .set = spin_set };
module_param_cb(spin, &spin_ops, NULL, 0200);

static DEFINE_STATIC_KEY_FALSE(key);

/* A jump label where the jump would go; behind it where ftrace cannot help. */
static noinline int core_label(char *buf)
{
#ifndef CONFIG_FUNCTION_TRACER
	asm volatile(".nops 5");
#endif
	if (static_branch_unlikely(&key))
		return scnprintf(buf, 32, "old label on\n");
	return scnprintf(buf, 32, "old label off\n");
}
SHOW(label);

/* The same, and ftrace cannot help. */
static noinline notrace int core_bare_label(char *buf)
{
	if (static_branch_unlikely(&key))
		return scnprintf(buf, 32, "old bare label on\n");
	return scnprintf(buf, 32, "old bare label off\n");
}
SHOW(bare_label);

static int key_set(const char *value, const struct kernel_param *kp)
{
	if (value[0] == '1')
		static_branch_enable(&key);
	else
		static_branch_disable(&key);
	return 0;
}

static const struct kernel_param_ops key_ops = { .set = key_set };
module_param_cb(key, &key_ops, NULL, 0200);

/* Two bytes long; nobody calls it. */
void core_short(void);
asm(".pushsection .text\n"
    ".type core_short, @function\n"
    "core_short:\n"
    "	ud2\n"
    ".size core_short, . - core_short\n"
    ".popsection\n");

/* The other file has a function of the same name, made of the same bytes. */
static noinline int core_twin(char *buf)
{
	return scnprintf(buf, 32, "old twin\n");
}
SHOW(twin);

static int core_other_twin(char *buf)
{
	return call_other_twin(buf);
}
SHOW(other_twin);

/* Functions in read-only data, more than a page of it. */
static noinline int core_old_op(char *buf)
{
	return scnprintf(buf, 32, "old op\n");
}

const struct core_table core_table = { .op = core_old_op, .last = 1 };
static const struct core_table *volatile table = &core_table;

static int core_op(char *buf)
{
	return table->op(buf);
}
SHOW(op);

static int core_last(char *buf)
{
	return scnprintf(buf, 32, "%d\n", table->last);
}
SHOW(last);

/* What three functions answer while the module starts, each at most 32 bytes. */
static char at_init[3 * 32];
module_param_string(at_init, at_init, sizeof(at_init), 0444);
static bool fail;
module_param(fail, bool, 0444);

static int __init target_init(void)
{
	core_plain(at_init);
	core_label(at_init + strlen(at_init));
	core_op(at_init + strlen(at_init));
	pr_info("core_target: at init: %s", at_init);
	if (fail)
		return -EIO;
	proc_create_single("core_sleeper", 0444, NULL, sleeper_show);
	proc_create_single("core_tight", 0444, NULL, tight_show);
	proc_create_single("core_hidden", 0444, NULL, hidden_show);
	return 0;
}

static void __exit target_exit(void)
{
	stop_spinner();
	remove_proc_entry("core_sleeper", NULL);
	remove_proc_entry("core_tight", NULL);
	remove_proc_entry("core_hidden", NULL);
}

module_init(target_init);
module_exit(target_exit);
MODULE_DESCRIPTION("Functions to replace");
MODULE_LICENSE("GPL");
