// SPDX-License-Identifier: GPL-2.0-only
/*
 * The place where a function is left for the one that replaces it.
 *
 * The jump is written after the call to ftrace that most functions begin with, so that
 * tracers and probes at the entry go on as if nothing had happened.  A function
 * without such a call gets the jump at its entry.
 *
 * The jump has a few bytes.  Another mechanism that rewrites one of them later would
 * destroy it: jump labels, static calls, lock prefixes, kprobes.  The first three are
 * permanent; an ftrace handler redirects such a function instead.  A kprobe can be
 * removed by the user, and has to be.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/uaccess.h>
#include "core.h"
#include "kernel.h"

/*
 * The function's call to ftrace, or 0.  Where kallsyms lacks a symbol, ftrace
 * may take the call of the function that comes next for one of this.
 */
static unsigned long ftrace_site(unsigned long entry)
{
	unsigned long site = KERNEL(ftrace_location)(entry);

	return site - entry <= KSPLICE_MARK_SIZE ? site : 0;
}

/* Why the jump cannot be written, or NULL. */
static const char *no_jump(const struct ksplice_function *f)
{
	if (f->site + KSPLICE_JUMP_SIZE > f->old + f->length)
		return "it is too short";
	if (!ksplice_jump_reaches(f->site, f->new))
		return "the new code is too far away";
	if (ksplice_is_reserved(f->site))
		return "the kernel rewrites code at its start";
	return NULL;
}

static enum ksplice_cause choose_site(struct ksplice_function *f)
{
	unsigned long traced = ftrace_site(f->old);
	bool in_interrupts = ksplice_is_no_probe_text(f->old);
	const char *obstacle;

	f->site = traced ? traced + MCOUNT_INSN_SIZE : ksplice_behind_mark(f->old);
	obstacle = no_jump(f);
	/*
	 * NMIs go on while the machine is stopped, and no CPU may ever meet a jump that is
	 * half written.  A handler of ftrace is switched by one store.
	 */
	if (!obstacle && in_interrupts)
		obstacle = "it may run in an NMI or while a breakpoint is handled";
	/* A handler comes before any jump: it would go on leading to the code below. */
	if (f->below && f->below->by_ftrace)
		obstacle = "ftrace redirects it already";
	f->by_ftrace = obstacle;
	if (!obstacle) {
		ksplice_make_jump(f->jump, f->site, f->new);
		return KSPLICE_OK;
	}
	f->ftrace_site = traced;
	if (traced)
		return KSPLICE_OK;
	pr_info("%s: %s cannot be replaced: %s\n", f->update->id, f->name, obstacle);
	return in_interrupts ? KSPLICE_IN_INTERRUPTS : KSPLICE_RESERVED_TEXT;
}

enum ksplice_cause ksplice_choose_sites(struct ksplice_update *update)
{
	enum ksplice_cause cause = KSPLICE_OK;
	enum ksplice_cause why;
	struct ksplice_function *f;

	lockdep_assert_held(&KERNEL(text_mutex));
	list_for_each_entry(f, &update->functions, list) {
		if (!f->new || f->live)
			continue;
		why = choose_site(f);
		if (why != KSPLICE_OK)
			cause = why;
	}
	return cause;
}

/*
 * A probe on the call to ftrace is ftrace's business.  One in front of a jump
 * at the entry could only be on the mark for indirect calls, and reach into the jump.
 */
static bool is_probed(const struct ksplice_function *f, unsigned long end)
{
	unsigned long at = f->site;
	struct kprobe *probe = NULL;

	if (f->site - f->old < KSPLICE_JUMP_SIZE)
		at = f->old;
	preempt_disable();
	for (; at < end && !probe; at++)
		probe = KERNEL(get_kprobe)((void *)at);
	preempt_enable();
	if (probe)
		pr_info("%s: there is a kprobe in %s at +0x%lx\n", f->update->id, f->name,
			at - 1 - f->old);
	return probe;
}

static enum ksplice_cause check_before_apply(struct ksplice_function *f)
{
	const struct ksplice_function *other = ksplice_find_switched(f->old, f->length, f->update);
	const char *livepatch = ksplice_find_livepatch(f->old, f->length);

	if (livepatch) {
		pr_info("%s: %s is replaced by livepatch %s\n", f->update->id, f->name, livepatch);
		return KSPLICE_LIVEPATCHED;
	}
	if (other && !ksplice_is_base(f->target->new->bases, f->target->new->n_bases,
				      other->target)) {
		pr_info("%s: %s is replaced by %s\n", f->update->id, f->name, other->update->id);
		return KSPLICE_NO_MATCH;
	}
	if (f->new && !f->by_ftrace && is_probed(f, f->site + KSPLICE_JUMP_SIZE))
		return KSPLICE_PROBED;
	if (!ksplice_match_span(&f->target->match, f->span))
		return f->target->verdict;
	if (f->new && !f->by_ftrace &&
	    ksplice_read_below(f->saved, f->site, KSPLICE_JUMP_SIZE, f->update, NULL))
		return KSPLICE_UNEXPECTED;
	if (f->content && ksplice_read_below(f->old_content, f->old, f->length, f->update, NULL))
		return KSPLICE_UNEXPECTED;
	return KSPLICE_OK;
}

/*
 * Whatever was found out when the old code was matched may have changed since:
 * all is compared again, when nobody else can change it any more.
 */
enum ksplice_cause ksplice_check_before_apply(struct ksplice_update *update)
{
	enum ksplice_cause cause = KSPLICE_OK;
	struct ksplice_function *f;

	lockdep_assert_held(&KERNEL(text_mutex));
	list_for_each_entry(f, &update->functions, list)
		if (!f->live && cause == KSPLICE_OK)
			cause = check_before_apply(f);
	return cause;
}

/* What the function's own switch has written: an update on this one may go in the same stop. */
static int read_own(void *to, unsigned long address, size_t length,
		    const struct ksplice_function *f)
{
	return ksplice_read_below(to, address, length, f->update->gives_way_to, f);
}

static enum ksplice_cause check_data_before_undo(const struct ksplice_function *f)
{
	unsigned long at, length;
	u8 bytes[64];

	for (at = 0; at < f->length; at += length) {
		length = min(f->length - at, sizeof(bytes));
		if (read_own(bytes, f->old + at, length, f) ||
		    memcmp(bytes, f->content + at, length))
			break;
	}
	if (at >= f->length)
		return KSPLICE_OK;
	pr_info("%s: %s is not what was written any more\n", f->update->id, f->name);
	return KSPLICE_UNEXPECTED;
}

/*
 * A kprobe on the jump, removed later, would put the first byte of the jump over code
 * that is back in use.  One behind it was put there when nothing but the jump said where
 * instructions begin: its breakpoint may be in the middle of one.
 */
static enum ksplice_cause check_before_undo(const struct ksplice_function *f)
{
	u8 bytes[KSPLICE_JUMP_SIZE];

	if (is_probed(f, f->old + f->length))
		return KSPLICE_PROBED;
	if (!read_own(bytes, f->site, sizeof(bytes), f) &&
	    !memcmp(bytes, f->jump, sizeof(bytes)))
		return KSPLICE_OK;
	pr_info("%s: the jump in %s is not there any more\n", f->update->id, f->name);
	return KSPLICE_UNEXPECTED;
}

enum ksplice_cause ksplice_check_before_undo(struct ksplice_update *update)
{
	enum ksplice_cause cause = ksplice_check_cpus(update);
	struct ksplice_function *f;

	lockdep_assert_held(&KERNEL(text_mutex));
	list_for_each_entry(f, &update->functions, list) {
		if (cause != KSPLICE_OK)
			break;
		if (f->content)
			cause = check_data_before_undo(f);
		else if (f->new && !f->by_ftrace)
			cause = check_before_undo(f);
	}
	return cause;
}
