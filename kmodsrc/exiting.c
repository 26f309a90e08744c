// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that are exiting.
 *
 * A task leaves the kernel's list of processes before it has run its last function: one
 * whose parent ignores SIGCHLD, a thread, a kernel thread reaps itself in release_task(),
 * and may sleep there and after it.  A pass over the list does not find its stack.  So
 * the core records each exiting task, from a tracepoint that comes before, until the
 * kernel says that the task is gone.
 *
 * The list is bounded.  Dead tasks that nobody reaps give up their place.  If a task did not
 * fit into it, nothing is undone before all are known again: see grace.c.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>
#include "core.h"

/* Tests make it smaller. */
#ifdef KSPLICE_EXITING_BITS
#define BITS KSPLICE_EXITING_BITS
#else
#define BITS 15
#endif
#define TRIES 64			/* places that a task may have */

struct exiting {
	DECLARE_BITMAP(used, 1U << BITS);	/* a place has a task */
	struct task_struct *tasks[1U << BITS];
};

/* Raw, since tracepoints are called with preemption disabled. */
static DEFINE_RAW_SPINLOCK(exiting_lock);
static struct exiting *exiting;
static bool overflow;
static struct tracepoint *on_exit, *on_free;

static unsigned int place_of(const struct task_struct *task, unsigned int try)
{
	return (hash_ptr((void *)task, BITS) + try) % (1U << BITS);
}

/* It has made its last switch, and has no use for its stack. */
static bool is_dead(const struct task_struct *task)
{
	/* Pairs with the release in finish_task(). */
	return READ_ONCE(task->__state) == TASK_DEAD && !smp_load_acquire(&task->on_cpu);
}

/* Returns a task that had to give up its place, or NULL. */
static struct task_struct *add(struct task_struct *task)
{
	unsigned int place, free = UINT_MAX, i;
	struct task_struct *before;

	for (i = 0; i < TRIES; i++) {
		place = place_of(task, i);
		before = exiting->tasks[place];
		if (before == task)
			return NULL;
		if (free == UINT_MAX && (!before || is_dead(before)))
			free = place;
	}
	if (free == UINT_MAX) {
		WRITE_ONCE(overflow, true);
		return NULL;
	}
	before = exiting->tasks[free];
	WRITE_ONCE(exiting->tasks[free], get_task_struct(task));
	__set_bit(free, exiting->used);
	return before;
}

static void note(struct task_struct *task)
{
	struct task_struct *before;
	unsigned long flags;

	raw_spin_lock_irqsave(&exiting_lock, flags);
	before = add(task);
	raw_spin_unlock_irqrestore(&exiting_lock, flags);
	if (before)
		put_task_struct(before);
}

static void forget(struct task_struct *task)
{
	unsigned int place, i;
	bool found = false;
	unsigned long flags;

	raw_spin_lock_irqsave(&exiting_lock, flags);
	for (i = 0; i < TRIES && !found; i++) {
		place = place_of(task, i);
		found = exiting->tasks[place] == task;
	}
	if (found) {
		WRITE_ONCE(exiting->tasks[place], NULL);
		__clear_bit(place, exiting->used);
	}
	raw_spin_unlock_irqrestore(&exiting_lock, flags);
	if (found)
		put_task_struct(task);
}

static void probe_exit(void *data, struct task_struct *task)
{
	note(task);
}

static void probe_free(void *data, struct task_struct *task)
{
	forget(task);
}

static void find_tracepoint(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "sched_process_exit"))
		on_exit = tp;
	else if (!strcmp(tp->name, "sched_process_free"))
		on_free = tp;
}

/* Those that passed the tracepoint before there was a probe, and are still listed. */
static void note_earlier(void)
{
	struct task_struct *process, *task;

	rcu_read_lock();
	for_each_process_thread(process, task)
		if (task->flags & PF_EXITING && !is_dead(task))
			note(task);
	rcu_read_unlock();
}

static void forget_all(void)
{
	unsigned int place;

	for_each_set_bit(place, exiting->used, 1U << BITS)
		put_task_struct(exiting->tasks[place]);
	vfree(exiting);
}

/* Returns 0, -ENOMEM, or -ENOENT if this kernel does not tell who exits. */
int __init ksplice_exiting_init(void)
{
	int ret;

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	if (!on_exit || !on_free) {
		pr_err("this kernel has no tracepoint for tasks that exit\n");
		return -ENOENT;
	}
	exiting = vzalloc(sizeof(*exiting));
	if (!exiting)
		return -ENOMEM;
	ret = tracepoint_probe_register(on_free, probe_free, NULL);
	if (!ret) {
		ret = tracepoint_probe_register(on_exit, probe_exit, NULL);
		if (ret)
			tracepoint_probe_unregister(on_free, probe_free, NULL);
	}
	if (ret) {
		tracepoint_synchronize_unregister();
		vfree(exiting);
		return ret;
	}
	note_earlier();
	return 0;
}

void ksplice_exiting_exit(void)
{
	tracepoint_probe_unregister(on_exit, probe_exit, NULL);
	tracepoint_probe_unregister(on_free, probe_free, NULL);
	tracepoint_synchronize_unregister();
	forget_all();
}

static struct task_struct *get_task_at(unsigned int place)
{
	struct task_struct *task;
	unsigned long flags;

	raw_spin_lock_irqsave(&exiting_lock, flags);
	task = exiting->tasks[place];
	if (task)
		get_task_struct(task);
	raw_spin_unlock_irqrestore(&exiting_lock, flags);
	return task;
}

/* Calls fn with each task that exits, as far as they are known. */
void ksplice_each_exiting(void (*fn)(struct task_struct *task, void *data), void *data)
{
	struct task_struct *task;
	unsigned int place;

	for_each_set_bit(place, exiting->used, 1U << BITS) {
		task = get_task_at(place);
		if (!task)
			continue;
		if (!is_dead(task))
			fn(task, data);
		put_task_struct(task);
	}
}

/*
 * The same with the machine stopped: nobody is in the middle of a change.  Ends when fn
 * returns false, and returns false then.
 */
bool ksplice_all_exiting(bool (*fn)(struct task_struct *task, void *data), void *data)
{
	unsigned int place;

	for_each_set_bit(place, exiting->used, 1U << BITS)
		if (!is_dead(exiting->tasks[place]) && !fn(exiting->tasks[place], data))
			return false;
	return true;
}

/* Whether somebody exits who could not be noted. */
bool ksplice_any_hidden(void)
{
	return READ_ONCE(overflow);
}

bool ksplice_lacked_room(void)
{
	return READ_ONCE(overflow);
}

/* Those that are in the kernel's list; if there is still no room, somebody is hidden again. */
void ksplice_note_again(void)
{
	WRITE_ONCE(overflow, false);
	smp_mb(); /* that before the flags of tasks: who is not seen exiting sets it again */
	note_earlier();
}
