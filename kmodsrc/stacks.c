// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the code in use?  No task may be inside a function while it is replaced,
 * or inside new code while that is taken away: it could return into bytes that
 * are not what they were.
 *
 * All tasks' stacks are walked while the machine runs, and those tasks that
 * were off their CPU then need no second look when it has stopped, unless they
 * ran in between: with thousands of threads this keeps the stop short.  It
 * also lets a busy update fail without stopping anything.
 */
#include <linux/hash.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>
#include "core.h"
#include "kernel.h"

#define MAX_DEPTH 256

/* A stack that was walked: whose, and how often that task had run. */
struct walked {
	const struct task_struct *task;
	u64 start;		/* another task may have the same address later */
	unsigned long switches;
};

struct ksplice_seen {
	unsigned int bits;
	unsigned int room;
	struct walked slots[];
};

/*
 * To measure what the first look saves: with it, every stack is walked with the
 * machine stopped, as if there had been none.
 */
static bool full_walk;
module_param(full_walk, bool, 0644);
MODULE_PARM_DESC(full_walk, "Walk all stacks while the machine is stopped (for measurements)");

/* Only one update is switched at a time. */
static unsigned long entries[MAX_DEPTH];

static unsigned long switches(const struct task_struct *task)
{
	return READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

/* New code of the updates below counts as old code. */
static bool in_code_below(const struct ksplice_update *update, unsigned long address)
{
	unsigned int i;

	for (i = 0; i < update->n_below; i++)
		if (within_module(address, update->below[i]))
			return true;
	return false;
}

static bool in_new_code(const struct ksplice_update *update, unsigned long address)
{
	struct ksplice_target *target;

	list_for_each_entry(target, &update->targets, list)
		if (target->applied && within_module(address, target->new->owner))
			return true;
	return false;
}

/*
 * The addresses of a stack are given from the outermost caller to the innermost function.  New
 * code of a function that may be busy may stay in use, and so may all new code that it has called;
 * new code without such a caller may not.
 */
static bool is_conflict(const struct ksplice_update *update, enum ksplice_step step,
			unsigned long address, bool *may_stay)
{
	switch (ksplice_find_use(update, address)) {
	case KSPLICE_HELD:
		return step != KSPLICE_LEAVE || in_new_code(update, address);
	case KSPLICE_MAY_STAY:
		*may_stay = true;
		return step == KSPLICE_LEAVE;
	default:
		if (step == KSPLICE_APPLY || step == KSPLICE_TRY)
			return in_code_below(update, address);
		if (!in_new_code(update, address))
			return false;
		return step == KSPLICE_LEAVE || !*may_stay;
	}
}

/* A thread of the kernel that has not begun yet has its function nowhere on its stack. */
static unsigned long thread_in_new_code(const struct ksplice_update *update,
					enum ksplice_step step, struct task_struct *task)
{
	unsigned long fn;

	if (step != KSPLICE_REVERSE && step != KSPLICE_LEAVE)
		return 0;
	fn = (unsigned long)kthread_func(task);
	return fn && in_new_code(update, fn) ? fn : 0;
}

/* Returns 0 if the stack is clear, or an address that is not. */
static unsigned long find_conflict(const struct ksplice_update *update, enum ksplice_step step,
				   struct task_struct *task)
{
	unsigned long fn = thread_in_new_code(update, step, task);
	bool may_stay = false;
	int n;

	if (fn)
		return fn;
	n = ksplice_walk(task, entries, MAX_DEPTH);
	if (n < 0)
		return KSPLICE_UNRELIABLE;
	while (--n >= 0)
		if (is_conflict(update, step, entries[n], &may_stay))
			return entries[n];
	return 0;
}

static void add_conflict(struct ksplice_update *update, pid_t pid, const char *comm,
			 unsigned long address)
{
	struct ksplice_conflict *c;

	/* It is that one's switch which is refused. */
	update = update->gives_way_to ?: update;
	if (update->n_conflicts == KSPLICE_MAX_CONFLICTS)
		return;
	c = &update->conflicts[update->n_conflicts++];
	c->pid = pid;
	strscpy(c->comm, comm, sizeof(c->comm));
	c->address = address;
}

void ksplice_note_conflict(struct ksplice_update *update, const struct task_struct *task,
			   unsigned long address)
{
	add_conflict(update, task->pid, task->comm, address);
}

static struct walked *find_slot(const struct ksplice_seen *seen, const struct task_struct *task)
{
	unsigned int mask = (1U << seen->bits) - 1;
	unsigned int i = hash_ptr((void *)task, seen->bits);

	while (seen->slots[i].task && seen->slots[i].task != task)
		i = (i + 1) & mask;
	return (struct walked *)&seen->slots[i];
}

/* With twice as many slots as tasks there are; it may be NULL. */
static struct ksplice_seen *alloc_seen(void)
{
	struct task_struct *process, *task;
	unsigned int tasks = 64, bits;
	struct ksplice_seen *seen;

	rcu_read_lock();
	for_each_process_thread(process, task)
		tasks++;
	rcu_read_unlock();
	bits = ilog2(tasks) + 2;
	seen = vzalloc(struct_size(seen, slots, 1UL << bits));
	if (seen) {
		seen->bits = bits;
		seen->room = 1U << (bits - 1);
	}
	return seen;
}

/*
 * A task that is off its CPU before and after, and was not switched in
 * between, has a stack that did not move.  What is seen of others is noise.
 */
static void look_at(struct ksplice_update *update, enum ksplice_step step, struct task_struct *task,
		    struct ksplice_seen *seen)
{
	unsigned long conflict, before;
	struct walked *slot;

	/* Pairs with the release in finish_task(): its count is up to date. */
	if (smp_load_acquire(&task->on_cpu))
		return;
	/* It may be woken at any moment: see ksplice_has_rethooks(). */
	if (ksplice_has_rethooks(task))
		return;
	before = switches(task);
	smp_rmb(); /* the count before the stack */
	conflict = find_conflict(update, step, task);
	smp_rmb(); /* the stack before looking whether it moved */
	if (READ_ONCE(task->on_cpu))
		return;
	smp_rmb(); /* a task that left its CPU just now has counted that */
	if (switches(task) != before)
		return;
	if (conflict) {
		ksplice_note_conflict(update, task, conflict);
	} else if (seen && seen->room) {
		slot = find_slot(seen, task);
		slot->task = task;
		slot->start = task->start_boottime;
		slot->switches = before;
		seen->room--;
	}
}

struct look {
	struct ksplice_update *update;
	enum ksplice_step step;
};

static void look_at_exiting(struct task_struct *task, void *data)
{
	const struct look *look = data;

	look_at(look->update, look->step, task, NULL);
}

/* The result may be NULL.  Conflicts are in the update. */
struct ksplice_seen *ksplice_look_ahead(struct ksplice_update *update, enum ksplice_step step)
{
	struct ksplice_seen *seen = alloc_seen();
	struct look look = { update, step };
	struct task_struct *process, *task;

	rcu_read_lock();
	for_each_process_thread(process, task)
		look_at(update, step, task, seen);
	rcu_read_unlock();
	if (!update->n_conflicts)
		ksplice_each_exiting(look_at_exiting, &look);
	return seen;
}

void ksplice_forget_seen(struct ksplice_seen *seen)
{
	vfree(seen);
}

static bool was_clear(const struct ksplice_seen *seen, const struct task_struct *task)
{
	const struct walked *slot;

	if (!seen || full_walk)
		return false;
	slot = find_slot(seen, task);
	return slot->task && slot->start == task->start_boottime &&
	       slot->switches == switches(task);
}

static bool is_clear(struct ksplice_update *update, enum ksplice_step step,
		     struct task_struct *task)
{
	unsigned long conflict = find_conflict(update, step, task);

	ksplice_this_attempt(update)->walked++;
	if (conflict)
		ksplice_note_conflict(update, task, conflict);
	return !conflict;
}

static bool exiting_is_clear(struct task_struct *task, void *data)
{
	const struct look *look = data;

	return is_clear(look->update, look->step, task);
}

/* Old code stays, so this is about undo. */
static bool nobody_hides(struct ksplice_update *update, enum ksplice_step step)
{
	if (step == KSPLICE_APPLY || step == KSPLICE_TRY || !ksplice_any_hidden())
		return true;
	add_conflict(update, 0, "exiting", KSPLICE_UNRELIABLE);
	return false;
}

/*
 * Called with the machine stopped.  The tasks that are on a CPU are the
 * threads that stop it, all of them in the same functions as this one.  With thousands of threads
 * each cache line of a task that is looked at counts: those on a CPU are the last question.
 */
bool ksplice_stacks_clear(struct ksplice_update *update, enum ksplice_step step)
{
	struct ksplice_attempt *attempt = ksplice_this_attempt(update);
	struct look look = { update, step };
	struct task_struct *process, *task;
	int cpu;

	for_each_process_thread(process, task) {
		attempt->tasks++;
		/* The clock is not free, either. */
		if (attempt->tasks % 16 == 0 && ksplice_stops_too_long(update))
			return false;
		/* This one runs now, and has not been switched out since it slept. */
		if (task != current && (was_clear(update->seen, task) || READ_ONCE(task->on_cpu)))
			continue;
		if (!is_clear(update, step, task))
			return false;
	}
	for_each_online_cpu(cpu)
		if (!is_clear(update, step, KERNEL(idle_task)(cpu)))
			return false;
	return ksplice_all_exiting(exiting_is_clear, &look) && nobody_hides(update, step);
}
