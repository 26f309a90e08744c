// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks the stack of a task.
 *
 * The kernel's own stack_trace_save_tsk_reliable() takes a walk for complete when
 * the unwinder meets code that is marked as the end of a stack.  Kernels have
 * such code in the middle, too: thunks, and trampolines of tracers, where a task
 * may be preempted.  So a walk counts here only if it arrives where the
 * stack of every task ends: at the registers that were saved on entry from user
 * space, or at the place that they would have.
 */
#include <linux/sched/task_stack.h>
#include <asm/unwind.h>
#include "core.h"
#include "kernel.h"

/* Adds up return addresses until the end; their number, or -EINVAL. */
static int walk(struct task_struct *task, unsigned long *entries, unsigned int room)
{
	struct unwind_state state;
	unsigned int n = 0;

	for (unwind_start(&state, task, NULL, NULL);
	     !unwind_done(&state) && !unwind_error(&state);
	     unwind_next_frame(&state)) {
		struct pt_regs *regs = unwind_get_entry_regs(&state, NULL);

		if (regs && user_mode(regs))
			return regs == task_pt_regs(task) ? n : -EINVAL;
		if (n == room)
			return -EINVAL;
		entries[n] = unwind_get_return_address(&state);
		if (!entries[n++])
			return -EINVAL;
	}
	if (unwind_error(&state) || state.sp != (unsigned long)task_pt_regs(task))
		return -EINVAL;
	return n;
}

/*
 * Whether return addresses on the stack have given way to that of a trampoline, as
 * kretprobes do it.  Of a task that is about to run the unwinder does not get the true
 * ones, and warns.
 */
bool ksplice_has_rethooks(const struct task_struct *task)
{
#ifdef CONFIG_RETHOOK
	return !llist_empty(&task->rethooks);
#else
	return false;
#endif
}

/*
 * The return addresses on the stack of a task that does not run, or is the
 * current one: from the called to the caller.  Returns their number, 0 for a task that
 * has no stack any more, or -EINVAL if it cannot be walked to its end.
 */
int ksplice_walk(struct task_struct *task, unsigned long *entries, unsigned int room)
{
	int n;

	if (task != current && task_is_running(task) && ksplice_has_rethooks(task))
		return -EINVAL;
	if (!try_get_task_stack(task))
		return 0;
	n = walk(task, entries, room);
	KERNEL(put_task_stack)(task);
	return n;
}
