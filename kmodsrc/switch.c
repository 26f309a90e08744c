// SPDX-License-Identifier: GPL-2.0-only
/*
 * The switch: all functions of an update are replaced, or put back, while all
 * CPUs stand still and no task is inside the code that is concerned.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/perf_event.h>
#include <linux/timekeeping.h>
#include "core.h"
#include "kernel.h"

struct stop {
	struct ksplice_update *update;
	const struct ksplice_seen *seen;
	enum ksplice_step step;
	atomic_t arrived;
	bool done;
	bool refused;			/* by a hook */
	bool switched;
};

/*
 * kprobe_mutex: a probe that is being registered has copied the bytes that it will
 * restore later.  It must not copy them before the switch and become visible only
 * after it. jump_label_lock: the tables of reserved text. text_mutex: the text itself.
 * The order is the kernel's.  Livepatches come first: code that changes livepatches
 * takes the other locks while it holds the lock of livepatches.
 */
static void lock_text(void)
{
	ksplice_lock_livepatches();
	ksplice_lock_kprobes();
	cpus_read_lock();
	KERNEL(jump_label_lock)();
	mutex_lock(&KERNEL(text_mutex));
}

static void unlock_text(void)
{
	mutex_unlock(&KERNEL(text_mutex));
	KERNEL(jump_label_unlock)();
	cpus_read_unlock();
	ksplice_unlock_kprobes();
	ksplice_unlock_livepatches();
}

static noinline notrace __kprobes void write_all(struct ksplice_update *update, bool undo)
{
	struct ksplice_function *f, *handler;

	list_for_each_entry(f, &update->functions, list) {
		if (f->live != undo)
			continue;
		if (f->new && !f->by_ftrace)
			ksplice_copy(f->place, undo ? f->saved : f->jump, KSPLICE_JUMP_SIZE);
		handler = f->by_ftrace ? ksplice_handler_below(f) : NULL;
		if (handler)
			WRITE_ONCE(handler->leads_to, undo ? f->below->new : f->new);
		if (f->content)
			ksplice_copy(f->place, undo ? f->old_content : f->content, f->length);
		WRITE_ONCE(f->live, !undo);
	}
}

static void unmap_all(struct ksplice_update *update)
{
	struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list) {
		ksplice_unmap(f->place);
		f->place = NULL;
	}
}

/* What write_all() will write to. */
static enum ksplice_cause map_all(struct ksplice_update *update, bool undo)
{
	struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list) {
		if (f->live != undo)
			continue;
		if (f->content)
			f->place = ksplice_map(f->old, f->length);
		else if (f->new && !f->by_ftrace)
			f->place = ksplice_map(f->site, KSPLICE_JUMP_SIZE);
		else
			continue;
		if (!f->place)
			return KSPLICE_OUT_OF_MEMORY;
	}
	return KSPLICE_OK;
}

static bool writes(enum ksplice_step step)
{
	return step == KSPLICE_APPLY || step == KSPLICE_REVERSE;
}

static bool is_refused(struct stop *stop)
{
	enum ksplice_hook_kind kind = KSPLICE_HOOK_CHECK_APPLY;

	if (stop->step == KSPLICE_LEAVE)
		return false;
	if (stop->step == KSPLICE_REVERSE)
		kind = KSPLICE_HOOK_CHECK_REVERSE;
	stop->refused = ksplice_call_hooks(stop->update, kind);
	return stop->refused;
}

/* On the first CPU that gets here; all others wait, interrupts off. */
static void do_switch(struct stop *stop)
{
	struct ksplice_update *update = stop->update;
	bool undo = stop->step == KSPLICE_REVERSE;
	u64 start = ktime_get_mono_fast_ns();

	stop->switched = ksplice_stacks_clear(update, stop->step, stop->seen) &&
			 !is_refused(stop);
	if (stop->switched && writes(stop->step)) {
		write_all(update, undo);
		ksplice_call_hooks(update, undo ? KSPLICE_HOOK_REVERSE : KSPLICE_HOOK_APPLY);
	}
	ksplice_this_attempt(update)->window_ns = ktime_get_mono_fast_ns() - start;
}

/*
 * The other CPUs come here from a loop of the kernel, and may be in a function that this loop
 * calls; nobody walks their stacks.  From their arrival on they are in the core's own code.
 */
static __always_inline void wait_for_others(struct stop *stop)
{
	while (atomic_read(&stop->arrived) < num_online_cpus())
		cpu_relax();
}

static noinline notrace __kprobes int on_each_stopped_cpu(void *data)
{
	struct stop *stop = data;

	if (atomic_inc_return(&stop->arrived) == 1) {
		wait_for_others(stop);
		do_switch(stop);
		/* Pairs with the acquire below: what is written is seen. */
		smp_store_release(&stop->done, true);
	} else {
		/* Pairs with the release above. */
		while (!smp_load_acquire(&stop->done))
			cpu_relax();
	}
	ksplice_serialise();
	return 0;
}

static enum ksplice_cause stop_and_switch(struct ksplice_update *update,
					  enum ksplice_step step,
					  const struct ksplice_seen *seen)
{
	struct stop stop = {
		.update = update,
		.seen = seen,
		.step = step,
		.arrived = ATOMIC_INIT(0),
	};
	enum ksplice_cause cause = KSPLICE_OK;

	lock_text();
	if (step == KSPLICE_REVERSE)
		cause = ksplice_check_before_undo(update);
	else if (step == KSPLICE_LEAVE)
		cause = ksplice_check_cpus(update);
	else
		cause = ksplice_check_before_apply(update);
	if (cause == KSPLICE_OK) {
		if (KERNEL(stop_machine_cpuslocked)(on_each_stopped_cpu, &stop, cpu_online_mask))
			cause = KSPLICE_UNEXPECTED;
		else if (!stop.switched)
			cause = stop.refused ? KSPLICE_CALL_FAILED : KSPLICE_CODE_BUSY;
	}
	unlock_text();
	return cause;
}

/* The one that is under way, or the last. */
struct ksplice_attempt *ksplice_this_attempt(struct ksplice_update *update)
{
	struct ksplice_timing *timing = &update->timing;

	return &timing->kept[timing->attempts % KSPLICE_KEPT_ATTEMPTS];
}

static void begin_attempt(struct ksplice_update *update, enum ksplice_step step)
{
	struct ksplice_timing *timing = &update->timing;

	/* KSPLICE_LEAVE is the second half of an undo. */
	if (step != KSPLICE_LEAVE && (timing->over || timing->step != step))
		memset(timing, 0, sizeof(*timing));
	timing->step = step;
	timing->attempts++;
	memset(ksplice_this_attempt(update), 0, sizeof(struct ksplice_attempt));
}

static enum ksplice_cause attempt(struct ksplice_update *update, enum ksplice_step step)
{
	enum ksplice_cause cause = KSPLICE_CODE_BUSY;
	struct ksplice_seen *seen;
	u64 start;

	begin_attempt(update, step);
	start = ktime_get_ns();
	seen = ksplice_look_ahead(update, step);
	ksplice_this_attempt(update)->prescan_ns = ktime_get_ns() - start;
	if (!update->n_conflicts)
		cause = stop_and_switch(update, step, seen);
	ksplice_forget_seen(seen);
	update->timing.over = cause != KSPLICE_CODE_BUSY;
	return cause;
}

/* Only the last hook of an undo is not called here: tasks may have to leave first. */
static enum ksplice_cause attempt_with_hooks(struct ksplice_update *update, enum ksplice_step step)
{
	bool undo = step == KSPLICE_REVERSE;
	enum ksplice_cause cause = KSPLICE_CALL_FAILED;

	if (step == KSPLICE_LEAVE)
		return attempt(update, step);
	if (!ksplice_call_hooks(update, undo ? KSPLICE_HOOK_PRE_REVERSE : KSPLICE_HOOK_PRE_APPLY))
		cause = attempt(update, step);
	if (cause != KSPLICE_OK || step == KSPLICE_TRY)
		ksplice_call_hooks(update,
				   undo ? KSPLICE_HOOK_FAIL_REVERSE : KSPLICE_HOOK_FAIL_APPLY);
	else if (!undo)
		ksplice_call_hooks(update, KSPLICE_HOOK_POST_APPLY);
	return cause;
}

static void mark_switched(struct ksplice_update *update, bool undo)
{
	struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list) {
		if (undo)
			list_del_init(&f->switched);
		else if (list_empty(&f->switched))
			list_add(&f->switched, &ksplice_switched);
	}
}

/* Who records code, as perf does for processor traces, is told of each jump. */
static void tell_tracers(struct ksplice_update *update, bool undo)
{
	struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list)
		if (f->place && f->new)
			KERNEL(perf_event_text_poke)((void *)f->site,
						     undo ? f->jump : f->saved, KSPLICE_JUMP_SIZE,
						     undo ? f->saved : f->jump, KSPLICE_JUMP_SIZE);
}

static enum ksplice_cause prepare(struct ksplice_update *update, enum ksplice_step step)
{
	bool undo = step == KSPLICE_REVERSE;
	enum ksplice_cause cause = KSPLICE_OK;

	if (step == KSPLICE_LEAVE)
		return KSPLICE_OK;
	if (!undo) {
		cause = ksplice_wait_for_hidden();
		if (cause != KSPLICE_OK)
			return cause;
		lock_text();
		cause = ksplice_choose_sites(update);
		unlock_text();
	}
	if (cause == KSPLICE_OK)
		cause = ksplice_sort_ranges(update, undo);
	if (cause == KSPLICE_OK && !undo)
		cause = ksplice_attach_ftrace(update);
	if (cause == KSPLICE_OK && writes(step))
		cause = map_all(update, undo);
	return cause;
}

/*
 * One attempt: whether and when there is another is for user space to say, and
 * for who waits there.  Whoever calls this has made sure that neither old nor
 * new code can go away while the update is applied.  Nothing has changed unless
 * KSPLICE_OK is returned, nor when the step was only tried.
 */
enum ksplice_cause ksplice_switch(struct ksplice_update *update, enum ksplice_step step)
{
	bool undo = step == KSPLICE_REVERSE;
	enum ksplice_cause cause;

	lockdep_assert_held(&ksplice_lock);
	update->n_conflicts = 0;
	cause = prepare(update, step);
	if (cause == KSPLICE_OK)
		cause = attempt_with_hooks(update, step);
	if (cause == KSPLICE_OK && writes(step)) {
		mark_switched(update, undo);
		tell_tracers(update, undo);
	}
	unmap_all(update);
	/* Undone, not applied after all, or only tried. */
	if (step == KSPLICE_TRY || (cause == KSPLICE_OK ? undo : !undo))
		ksplice_detach_ftrace(update);
	return cause;
}
