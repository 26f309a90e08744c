// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core waits for because it cannot see it: apply, before it writes over old code; undo, after
 * the old code is restored, before it releases new code or anything else that a task may still
 * reach.
 *
 * Tasks RCU waits until each task has switched voluntarily, or was in user space.  The
 * core uses it
 *
 *   once, when the core is loaded.  Tasks that had left the list of processes before, and that
 *   exiting.c knows nothing of, are gone after that: before 6.9 it waits for them as well.  Where
 *   tasks can be preempted anywhere, one of them may stand among the bytes that a jump replaces, so
 *   apply waits as well.
 *
 *   again, when exiting.c had no room for all tasks that exit, and has noted those that are still in
 *   the list of processes.  The others are gone after that, just so.
 *
 *   for each undo of functions that ftrace redirects.  A task that was preempted in a trampoline
 *   may have the address of new code in its registers, and only there.
 *
 * This may take as long as the slowest task.  So each write of the stage from user space waits
 * only for some time.
 */
#include <linux/completion.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "core.h"
#include "compat.h"

#define GRACE_SECONDS 5

struct ksplice_grace {
	struct rcu_head head;
	struct completion over;
};

static struct ksplice_grace since_load;

static void end_grace(struct rcu_head *head)
{
	complete_all(&container_of(head, struct ksplice_grace, head)->over);
}

static void begin_grace(struct ksplice_grace *grace)
{
	init_completion(&grace->over);
	call_rcu_tasks(&grace->head, end_grace);
}

static bool any_by_ftrace(const struct ksplice_update *update)
{
	const struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list)
		if (f->by_ftrace)
			return true;
	return false;
}

static bool is_over(struct ksplice_grace *grace)
{
	return wait_for_completion_killable_timeout(&grace->over, GRACE_SECONDS * HZ) > 0;
}

/*
 * Before the switch of an undo: who is hidden is noted now, or is gone when new code is released.
 * Where that cannot be known, the switch is refused (nobody_hides()).
 */
void ksplice_find_hidden(void)
{
	lockdep_assert_held(&ksplice_lock);
	if (!KSPLICE_TASKS_RCU_WAITS_FOR_EXIT || !ksplice_lacked_room() || !is_over(&since_load))
		return;
	ksplice_note_again();
	begin_grace(&since_load);
}

/* Before old code is written over.  Returns KSPLICE_CODE_BUSY if it takes longer. */
enum ksplice_cause ksplice_wait_for_hidden(void)
{
	lockdep_assert_held(&ksplice_lock);
	if (IS_ENABLED(CONFIG_PREEMPTION) && IS_ENABLED(CONFIG_TASKS_RCU) && !is_over(&since_load))
		return KSPLICE_CODE_BUSY;
	return KSPLICE_OK;
}

/* Returns KSPLICE_CODE_BUSY if it takes longer. */
enum ksplice_cause ksplice_wait_for_grace(struct ksplice_update *update)
{
	lockdep_assert_held(&ksplice_lock);
	if (!update->grace && any_by_ftrace(update)) {
		update->grace = kzalloc(sizeof(*update->grace), GFP_KERNEL);
		if (!update->grace)
			return KSPLICE_OUT_OF_MEMORY;
		begin_grace(update->grace);
	}
	if (!is_over(&since_load) || (update->grace && !is_over(update->grace)))
		return KSPLICE_CODE_BUSY;
	return KSPLICE_OK;
}

/* The update goes. */
void ksplice_end_grace(struct ksplice_update *update)
{
	if (!update->grace)
		return;
	wait_for_completion(&update->grace->over);
	kfree(update->grace);
	update->grace = NULL;
}

/* When tasks that exit are noted already. */
int __init ksplice_grace_init(void)
{
	begin_grace(&since_load);
	return 0;
}

/* The last callback may still be on its way out of end_grace(). */
void ksplice_grace_exit(void)
{
#ifdef CONFIG_TASKS_RCU
	rcu_barrier_tasks();
#else
	rcu_barrier();
#endif
}
