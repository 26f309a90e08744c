// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules that an update changes and that are not loaded yet.
 *
 * User space says which updates await which modules, and names a program, the helper.
 * When such a module has been linked, and before any of its code runs, the loader
 * waits here while the helper loads the part of each update that is for this module,
 * and has it applied.  If this fails, the module is not loaded, because the code that
 * is to be replaced would run.
 *
 * Nobody holds a lock of ours while the helper is at work.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/freezer.h>
#include <linux/kmod.h>
#include <linux/notifier.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/umh.h>
#include "core.h"
#include "kernel.h"

#define MAX_WORDS 8
#define LOOK_INTERVAL (HZ / 20)

static int set_seconds(const char *value, const struct kernel_param *param)
{
	return ksplice_may_write() ?: param_set_uint(value, param);
}

static const struct kernel_param_ops seconds_ops = {
	.set = set_seconds,
	.get = param_get_uint,
};

static unsigned int helper_seconds = 30;
module_param_cb(helper_seconds, &seconds_ops, &helper_seconds, 0644);
MODULE_PARM_DESC(helper_seconds, "How long the loader of a module that is awaited waits");

/* A module whose loader waits for the helper. */
struct expected {
	struct list_head list;
	const struct module *mod;
};

/* Protects these; taken last. */
static DEFINE_SPINLOCK(late_lock);
static LIST_HEAD(all_expected);
static char *helper;			/* a word in a line */

/* Whether the module is one that is still being loaded, and waits for us. */
bool ksplice_is_expected(const struct module *mod)
{
	struct expected *e;
	bool found = false;

	spin_lock(&late_lock);
	list_for_each_entry(e, &all_expected, list)
		if (e->mod == mod)
			found = true;
	spin_unlock(&late_lock);
	return found;
}

/* The helper's path, and arguments that come before ours, a line each. */
int ksplice_set_helper(const char *lines)
{
	char *copy, *before;

	if (lines[0] != '/')
		return -EINVAL;
	copy = kstrdup(lines, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	strim(copy);
	spin_lock(&late_lock);
	before = helper;
	helper = copy;
	spin_unlock(&late_lock);
	kfree(before);
	return 0;
}

ssize_t ksplice_show_helper(char *buf)
{
	ssize_t length = 0;

	spin_lock(&late_lock);
	if (helper)
		length = sysfs_emit(buf, "%s\n", helper);
	spin_unlock(&late_lock);
	return length;
}

static char *copy_helper(void)
{
	char *copy;

	spin_lock(&late_lock);
	copy = helper ? kstrdup(helper, GFP_ATOMIC) : NULL;
	spin_unlock(&late_lock);
	return copy;
}

/* In the helper's own process, before it becomes the helper. */
static int note_pid(struct subprocess_info *info, struct cred *new)
{
	struct pid **pid = info->data;

	*pid = get_pid(task_pid(current));
	return 0;
}

static bool has_ended(struct pid *pid)
{
	bool over;

	rcu_read_lock();
	over = !pid_task(pid, PIDTYPE_TGID);
	rcu_read_unlock();
	return over;
}

/*
 * Waits for its end, or brings it about.  When the machine is to sleep, the helper is
 * frozen, and so is who waits here: nobody who is awake waits for the locks that a loader of
 * a module has.
 */
static void wait_for_helper(struct pid *pid, unsigned int seconds, bool killable)
{
	unsigned int state = killable ? TASK_KILLABLE : TASK_UNINTERRUPTIBLE;
	unsigned long end = jiffies + seconds * HZ;

	while (!has_ended(pid) && time_before(jiffies, end)) {
		if (killable && fatal_signal_pending(current))
			break;
		set_current_state(state | TASK_FREEZABLE_UNSAFE);
		schedule_timeout(LOOK_INTERVAL);
	}
	if (!has_ended(pid))
		kill_pid(pid, SIGKILL, 1);
}

static char *environment[] = {
	"HOME=/",
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	NULL
};

/* Starts HELPER... EVENT MODULE; the process, or an ERR_PTR(). */
static struct pid *start_helper(char *words, char *event, char *name)
{
	char *argv[MAX_WORDS + 3] = {};
	struct subprocess_info *info;
	struct pid *pid = NULL;
	unsigned int n = 0;
	int ret;

	while (words && n < MAX_WORDS)
		argv[n++] = strsep(&words, "\n");
	argv[n] = event;
	argv[n + 1] = name;
	info = call_usermodehelper_setup(argv[0], argv, environment, GFP_KERNEL, note_pid, NULL,
					 &pid);
	if (!info)
		return ERR_PTR(-ENOMEM);
	ret = call_usermodehelper_exec(info, UMH_WAIT_EXEC);
	if (!ret && pid)
		return pid;
	put_pid(pid);
	return ERR_PTR(ret ?: -ENOENT);
}

/* What the helper has done is seen by its effects. */
static void call_helper(char *event, char *name, unsigned int seconds, bool killable)
{
	char *words = copy_helper();
	struct pid *pid = words ? start_helper(words, event, name) : ERR_PTR(-ENOENT);

	if (IS_ERR(pid)) {
		pr_err("%s: the helper %s cannot be started: %ld\n", name, words ?: "",
		       PTR_ERR(pid));
	} else {
		wait_for_helper(pid, seconds, killable);
		put_pid(pid);
	}
	kfree(words);
}

/* Whether all updates that await the module have replaced its code. */
static bool all_applied(const char *name)
{
	struct list_head *updates = ksplice_lock_updates();
	struct ksplice_update *update;
	struct ksplice_target *target;
	unsigned int n_applied = 0;
	bool all;

	list_for_each_entry(update, updates, list) {
		target = ksplice_find_target(update, name);
		if (target && target->applied)
			n_applied++;
	}
	all = n_applied >= ksplice_count_awaiting(name);
	ksplice_unlock_updates();
	return all;
}

/* The module goes.  Returns whether new code is left that is bound to it. */
static bool drop_all(const char *name)
{
	struct list_head *updates = ksplice_lock_updates();
	struct ksplice_update *update;
	struct ksplice_target *target;
	bool left = false;

	list_for_each_entry(update, updates, list) {
		target = ksplice_find_target(update, name);
		if (!target)
			continue;
		ksplice_drop_target(target);
		if (target->outlived)
			left = true;
	}
	ksplice_unlock_updates();
	return left;
}

/*
 * The kernel has lists of who uses a module's jump labels and static calls, and would
 * look for the new code in those of a module that is not there any more.
 */
static void never_unload(const char *name)
{
	struct list_head *updates = ksplice_lock_updates();
	struct ksplice_update *update;
	struct ksplice_target *target;

	list_for_each_entry(update, updates, list) {
		target = ksplice_find_target(update, name);
		/* One that cannot be held is being unloaded, as it should be. */
		if (!target || !target->outlived || !try_module_get(target->new->owner))
			continue;
		pr_err("%s: %s outlives %s and must stay until the next boot\n", update->id,
		       module_name(target->new->owner), name);
	}
	ksplice_unlock_updates();
}

/*
 * New code that is bound to the module must be unloaded before that is freed.  A
 * helper that was killed may just be loading some.
 */
static void clean_up_after(struct module *mod, bool was_called)
{
	if (!drop_all(mod->name) && !was_called)
		return;
	call_helper("going", mod->name, helper_seconds, false);
	if (drop_all(mod->name))
		never_unload(mod->name);
}

static int on_coming(struct module *mod)
{
	struct expected expected = { .mod = mod };

	spin_lock(&late_lock);
	list_add(&expected.list, &all_expected);
	spin_unlock(&late_lock);
	call_helper("coming", mod->name, helper_seconds, true);
	spin_lock(&late_lock);
	list_del(&expected.list);
	spin_unlock(&late_lock);
	if (all_applied(mod->name))
		return NOTIFY_OK;
	clean_up_after(mod, true);
	pr_err("%s is not loaded: an update awaits it, and could not be applied to it\n",
	       mod->name);
	return notifier_from_errno(fatal_signal_pending(current) ? -EINTR : -EBUSY);
}

static int on_module(struct notifier_block *block, unsigned long state, void *data)
{
	struct module *mod = data;

	if (!ksplice_count_awaiting(mod->name))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING)
		return on_coming(mod);
	if (state == MODULE_STATE_GOING)
		clean_up_after(mod, false);
	return NOTIFY_DONE;
}

/* The last of all: jump labels, static calls and tracepoints of the module work by then. */
static struct notifier_block block = {
	.notifier_call = on_module,
	.priority = INT_MIN,
};

int __init ksplice_late_init(void)
{
	return register_module_notifier(&block);
}

/* Nothing is awaited: that would keep the core.  Nobody can set the helper any more. */
void ksplice_late_exit(void)
{
	unregister_module_notifier(&block);
	kfree(helper);
}
