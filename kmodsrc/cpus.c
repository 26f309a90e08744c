// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processors that are offline.
 *
 * A processor that was taken offline stands in the function that took it offline.  The
 * callers of this function stay on the stack of its idle task.  When the processor comes
 * back, it begins anew and returns to none of them.  Nobody can walk that stack, because
 * only the processor's own registers tell where it ends.
 *
 * Apply leaves old code where it is, so such a processor is not in the way.  Undo removes new code:
 * a processor that went offline after the update was applied may be in the new code, and has to
 * come back before undo.  A processor that went offline earlier cannot be in new code.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/cpuhotplug.h>
#include "core.h"
#include "kernel.h"

/* Counts the events, so that their order is known. */
static atomic64_t clock = ATOMIC64_INIT(0);
static DEFINE_PER_CPU(u64, went_at);
static enum cpuhp_state state;

static int on_down(unsigned int cpu)
{
	per_cpu(went_at, cpu) = ksplice_now();
	return 0;
}

/* Never the same twice, and later is greater. */
u64 ksplice_now(void)
{
	return atomic64_inc_return(&clock);
}

/* With the processors kept from coming and going. */
enum ksplice_cause ksplice_check_cpus(struct ksplice_update *update)
{
	enum ksplice_cause cause = KSPLICE_OK;
	unsigned int cpu;

	lockdep_assert_cpus_held();
	for_each_possible_cpu(cpu) {
		if (cpu_online(cpu) || per_cpu(went_at, cpu) < update->applied_at)
			continue;
		ksplice_note_conflict(update, KERNEL(idle_task)(cpu), KSPLICE_UNRELIABLE);
		pr_info("%s: CPU %u went offline since it was applied, and may be in it\n",
			update->id, cpu);
		cause = KSPLICE_CPU_OFFLINE;
	}
	return cause;
}

int __init ksplice_cpus_init(void)
{
	int ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "ksplice:online", NULL, on_down);

	if (ret < 0)
		return ret;
	state = ret;
	return 0;
}

void ksplice_cpus_exit(void)
{
	cpuhp_remove_state_nocalls(state);
}
