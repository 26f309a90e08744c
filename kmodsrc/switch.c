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
	struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list) {
		if (f->live != undo)
			continue;
		if (f->new && !f->by_ftrace)
			ksplice_copy(f->place, undo ? f->saved : f->jump, KSPLICE_JUMP_SIZE);
		if (f->by_ftrace)
			ksplice_redirect(f, undo);
		if (f->content)
			ksplice_copy(f->place, undo ? f->old_content : f->content, f->length);
		f->live = !undo;
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

/* Calls hooks of what gives way, up to the first that refuses. */
static int call_hooks_of_going(struct ksplice_update *update, enum ksplice_hook_kind kind)
{
	struct ksplice_update *other;
	int ret = 0;

	list_for_each_entry(other, &update->going, gone)
		if (!ret)
			ret = ksplice_call_hooks(other, kind);
	return ret;
}

static bool is_refused(struct stop *stop)
{
	enum ksplice_hook_kind kind = KSPLICE_HOOK_CHECK_APPLY;

	if (stop->step == KSPLICE_LEAVE)
		return false;
	if (stop->step == KSPLICE_REVERSE)
		kind = KSPLICE_HOOK_CHECK_REVERSE;
	stop->refused = call_hooks_of_going(stop->update, KSPLICE_HOOK_CHECK_REVERSE) ||
			ksplice_call_hooks(stop->update, kind);
	return stop->refused;
}

static bool all_clear(struct ksplice_update *update, enum ksplice_step step)
{
	struct ksplice_update *other;

	list_for_each_entry(other, &update->going, gone)
		if (!ksplice_stacks_clear(other, KSPLICE_REVERSE))
			return false;
	return ksplice_stacks_clear(update, step);
}

/* What gives way goes first, the last applied before all: each writes what was there before it. */
static noinline notrace __kprobes void write_in_order(struct ksplice_update *update, bool undo)
{
	struct ksplice_update *other;

	list_for_each_entry(other, &update->going, gone)
		write_all(other, true);
	write_all(update, undo);
}

/*
 * Whether the machine has been stopped for as long as it may be, with all CPUs standing still.
 * What undo needs, it may take: it has to be possible.
 */
bool ksplice_stops_too_long(struct ksplice_update *update)
{
	struct ksplice_attempt *attempt = ksplice_this_attempt(update);
	enum ksplice_step step;

	/* The switch is that of the update to which this one gives way. */
	update = update->gives_way_to ?: update;
	step = update->timing.step;
	if (!update->max_stop_ns || (step != KSPLICE_APPLY && step != KSPLICE_TRY))
		return false;
	if (ktime_get_mono_fast_ns() - attempt->stopped_at > update->max_stop_ns)
		attempt->too_long = true;
	return attempt->too_long;
}

/* On the first CPU that gets here; all others wait, interrupts off. */
static void do_switch(struct stop *stop)
{
	struct ksplice_update *update = stop->update;
	bool undo = stop->step == KSPLICE_REVERSE;
	u64 start = ktime_get_mono_fast_ns();

	ksplice_this_attempt(update)->stopped_at = start;
	stop->switched = all_clear(update, stop->step) && !is_refused(stop);
	if (ksplice_stops_too_long(update))
		stop->switched = false;
	if (stop->switched && writes(stop->step)) {
		write_in_order(update, undo);
		call_hooks_of_going(update, KSPLICE_HOOK_REVERSE);
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

/* Whether all is as it was found, and nobody else has rewritten it. */
static enum ksplice_cause check_again(struct ksplice_update *update, enum ksplice_step step)
{
	enum ksplice_cause cause = KSPLICE_OK;
	struct ksplice_update *other;

	if (step == KSPLICE_REVERSE)
		return ksplice_check_before_undo(update);
	if (step == KSPLICE_LEAVE)
		return ksplice_check_cpus(update);
	list_for_each_entry(other, &update->going, gone)
		if (cause == KSPLICE_OK)
			cause = ksplice_check_before_undo(other);
	return cause == KSPLICE_OK ? ksplice_check_before_apply(update) : cause;
}

static enum ksplice_cause stop_and_switch(struct ksplice_update *update, enum ksplice_step step)
{
	struct stop stop = {
		.update = update,
		.step = step,
		.arrived = ATOMIC_INIT(0),
	};
	enum ksplice_cause cause;

	lock_text();
	cause = check_again(update, step);
	if (cause == KSPLICE_OK) {
		if (KERNEL(stop_machine_cpuslocked)(on_each_stopped_cpu, &stop, cpu_online_mask))
			cause = KSPLICE_UNEXPECTED;
		else if (!stop.switched)
			cause = stop.refused ? KSPLICE_CALL_FAILED : KSPLICE_CODE_BUSY;
		if (cause != KSPLICE_OK && ksplice_this_attempt(update)->too_long)
			cause = KSPLICE_STOP_TOO_LONG;
	}
	unlock_text();
	return cause;
}

/* The one that is under way, or the last. */
struct ksplice_attempt *ksplice_this_attempt(struct ksplice_update *update)
{
	/* What gives way has no attempt of its own. */
	struct ksplice_timing *timing = &(update->gives_way_to ?: update)->timing;

	return &timing->kept[timing->attempts % KSPLICE_KEPT_ATTEMPTS];
}

static void begin_attempt(struct ksplice_update *update, enum ksplice_step step)
{
	struct ksplice_timing *timing = &update->timing;
	bool second_half = step == KSPLICE_LEAVE && timing->step == KSPLICE_REVERSE;

	if (!second_half && (timing->over || timing->step != step))
		memset(timing, 0, sizeof(*timing));
	timing->step = step;
	timing->attempts++;
	memset(ksplice_this_attempt(update), 0, sizeof(struct ksplice_attempt));
}

static void look_ahead(struct ksplice_update *update, enum ksplice_step step)
{
	struct ksplice_update *other;

	list_for_each_entry(other, &update->going, gone)
		other->seen = ksplice_look_ahead(other, KSPLICE_REVERSE);
	update->seen = ksplice_look_ahead(update, step);
}

static void forget_seen(struct ksplice_update *update)
{
	struct ksplice_update *other;

	list_for_each_entry(other, &update->going, gone) {
		ksplice_forget_seen(other->seen);
		other->seen = NULL;
	}
	ksplice_forget_seen(update->seen);
	update->seen = NULL;
}

static enum ksplice_cause attempt(struct ksplice_update *update, enum ksplice_step step)
{
	enum ksplice_cause cause = KSPLICE_CODE_BUSY;
	u64 start;

	begin_attempt(update, step);
	start = ktime_get_ns();
	look_ahead(update, step);
	ksplice_this_attempt(update)->prescan_ns = ktime_get_ns() - start;
	if (!update->n_conflicts)
		cause = stop_and_switch(update, step);
	forget_seen(update);
	update->timing.over = cause != KSPLICE_CODE_BUSY && cause != KSPLICE_STOP_TOO_LONG;
	return cause;
}

/* Only the last hook of an undo is not called here: tasks may have to leave first. */
static enum ksplice_cause attempt_with_hooks(struct ksplice_update *update, enum ksplice_step step)
{
	bool undo = step == KSPLICE_REVERSE;
	enum ksplice_cause cause = KSPLICE_CALL_FAILED;

	if (step == KSPLICE_LEAVE)
		return attempt(update, step);
	if (!call_hooks_of_going(update, KSPLICE_HOOK_PRE_REVERSE) &&
	    !ksplice_call_hooks(update, undo ? KSPLICE_HOOK_PRE_REVERSE : KSPLICE_HOOK_PRE_APPLY))
		cause = attempt(update, step);
	if (cause != KSPLICE_OK || step == KSPLICE_TRY) {
		ksplice_call_hooks(update,
				   undo ? KSPLICE_HOOK_FAIL_REVERSE : KSPLICE_HOOK_FAIL_APPLY);
		call_hooks_of_going(update, KSPLICE_HOOK_FAIL_REVERSE);
	} else if (!undo) {
		ksplice_call_hooks(update, KSPLICE_HOOK_POST_APPLY);
	}
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

/* What gives way to the update, if anything does, is to be put back. */
static enum ksplice_cause prepare_going(struct ksplice_update *update, enum ksplice_step step)
{
	enum ksplice_cause cause = KSPLICE_OK;
	struct ksplice_update *other;

	if (list_empty(&update->going))
		return KSPLICE_OK;
	ksplice_find_hidden();
	list_for_each_entry(other, &update->going, gone) {
		if (cause == KSPLICE_OK)
			cause = ksplice_sort_ranges(other, true);
		if (cause == KSPLICE_OK && writes(step))
			cause = map_all(other, true);
	}
	return cause;
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
		cause = prepare_going(update, step);
	if (cause == KSPLICE_OK)
		cause = ksplice_sort_ranges(update, undo);
	if (cause == KSPLICE_OK && !undo)
		cause = ksplice_attach_ftrace(update);
	if (cause == KSPLICE_OK && writes(step))
		cause = map_all(update, undo);
	return cause;
}

/* After the writing. */
static void note_switched(struct ksplice_update *update, bool undo)
{
	mark_switched(update, undo);
	tell_tracers(update, undo);
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
	struct ksplice_update *other;
	enum ksplice_cause cause;

	lockdep_assert_held(&ksplice_lock);
	update->n_conflicts = 0;
	cause = prepare(update, step);
	if (cause == KSPLICE_OK)
		cause = attempt_with_hooks(update, step);
	if (cause == KSPLICE_OK && writes(step)) {
		list_for_each_entry(other, &update->going, gone)
			note_switched(other, true);
		note_switched(update, undo);
		ksplice_pass_handlers(update);
	}
	unmap_all(update);
	/* Undone, not applied after all, or only tried. */
	if (step == KSPLICE_TRY || (cause == KSPLICE_OK ? undo : !undo))
		ksplice_detach_ftrace(update);
	list_for_each_entry(other, &update->going, gone) {
		unmap_all(other);
		if (cause == KSPLICE_OK && writes(step))
			ksplice_detach_ftrace(other);
	}
	return cause;
}
