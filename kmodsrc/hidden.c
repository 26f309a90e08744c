// SPDX-License-Identifier: GPL-2.0-only
/*
 * This file replaces exiting.c where the kernel has no tracepoints, and so nothing
 * reports exiting tasks.
 *
 * But the kernel counts its stacks.  If it has more stacks than there are tasks in its
 * list that may have one, some task is in no list: it is exiting, or it is being
 * created.  Neither takes long, as a rule.
 */
#include <linux/mmzone.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include "core.h"

int __init ksplice_exiting_init(void)
{
	return 0;
}

void ksplice_exiting_exit(void)
{
}

void ksplice_each_exiting(void (*fn)(struct task_struct *task, void *data), void *data)
{
}

bool ksplice_all_exiting(bool (*fn)(struct task_struct *task, void *data), void *data)
{
	return true;
}

bool ksplice_lacked_room(void)
{
	return false;
}

void ksplice_note_again(void)
{
}

/* With what each CPU has not added up yet. */
static long count_stacks(void)
{
	long kilobytes = 0;
	int node, cpu;

	for_each_online_node(node) {
		pg_data_t *data = NODE_DATA(node);

		kilobytes += atomic_long_read(&data->vm_stat[NR_KERNEL_STACK_KB]);
		for_each_possible_cpu(cpu)
			kilobytes += per_cpu_ptr(data->per_cpu_nodestats, cpu)
					     ->vm_node_stat_diff[NR_KERNEL_STACK_KB];
	}
	return kilobytes / (THREAD_SIZE / 1024);
}

/*
 * With the machine stopped.  Of a task that has become a zombie the stack may have been
 * counted off already, so it is not expected here.
 */
bool ksplice_any_hidden(void)
{
	struct task_struct *process, *task;
	/* The idle task of the first CPU was never counted. */
	long expected = num_possible_cpus() - 1;

	for_each_process_thread(process, task)
		if (!task->exit_state)
			expected++;
	return count_stacks() > expected;
}
