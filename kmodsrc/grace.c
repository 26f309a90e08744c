// SPDX-License-Identifier: GPL-2.0-only
/*
 * What undo waits for when the old code is back, and before new code or anything else
 * that tasks may still lead to is let go.
 *
 * Tasks RCU: until each task has been switched out of its own will, or was in user
 * space.  A task that was preempted in a trampoline of ftrace may have the address of new
 * code in its registers, and only there.  On kernels before 6.9 it also waits for all
 * tasks that are exiting and are in no list any more.
 *
 * RCU callbacks of new code: rcu_barrier().
 *
 * Tasks RCU may take as long as a task wants to.  So it is asked for once, and each time that
 * user space writes the stage, this waits a while.
 */
#include <linux/completion.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "core.h"

#define GRACE_SECONDS 5

struct ksplice_grace {
	struct rcu_head head;
	struct completion over;
};

static void end_grace(struct rcu_head *head)
{
	complete_all(&container_of(head, struct ksplice_grace, head)->over);
}

/* Returns KSPLICE_CODE_BUSY if it takes longer. */
enum ksplice_cause ksplice_wait_for_grace(struct ksplice_update *update)
{
	lockdep_assert_held(&ksplice_lock);
	if (!update->grace) {
		update->grace = kzalloc(sizeof(*update->grace), GFP_KERNEL);
		if (!update->grace)
			return KSPLICE_OUT_OF_MEMORY;
		init_completion(&update->grace->over);
		call_rcu_tasks(&update->grace->head, end_grace);
	}
	if (wait_for_completion_killable_timeout(&update->grace->over, GRACE_SECONDS * HZ) <= 0)
		return KSPLICE_CODE_BUSY;
	return KSPLICE_OK;
}

/* The update is applied anew, or goes. */
void ksplice_end_grace(struct ksplice_update *update)
{
	if (!update->grace)
		return;
	wait_for_completion(&update->grace->over);
	kfree(update->grace);
	update->grace = NULL;
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
