// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run-pre matching of one target in this kernel: gives match.c memory, symbols and a
 * place for its reports, and holds the target's module as long as the results of the
 * match are needed.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/slab.h>
#include "core.h"
#include "kernel.h"

static struct ksplice_target *target_of(struct ksplice_match *m)
{
	return container_of(m, struct ksplice_target, match);
}

static const struct ksplice_address *addresses_of(struct ksplice_match *m, const char *name)
{
	return ksplice_find_symbol(target_of(m)->symbols, name);
}

/* A probe at the byte, or an optimized one whose jump covers it. */
static bool probe_changed(u64 address)
{
	bool probed = false;
	int i;

	preempt_disable();
	for (i = 0; i < KSPLICE_JUMP_SIZE; i++)
		if (KERNEL(get_kprobe)((void *)(unsigned long)address - i))
			probed = true;
	preempt_enable();
	return probed;
}

static void print_found(struct seq_buf *out, const struct ksplice_mismatch *what, bool probed)
{
	u64 expected, found;

	switch (what->why) {
	case KSPLICE_DIFFERS:
		if (probed)
			seq_buf_printf(out, "expected %*phN found probed\n",
				       what->length, what->expected);
		else
			seq_buf_printf(out, "expected %*phN found %*phN\n", what->length,
				       what->expected, what->length, what->found);
		break;
	case KSPLICE_UNREADABLE:
		seq_buf_printf(out, "expected %*phN found unreadable\n",
			       what->length, what->expected);
		break;
	case KSPLICE_NOT_FOUND:
		seq_buf_printf(out, "expected symbol found not-found\n");
		break;
	case KSPLICE_AMBIGUOUS:
		seq_buf_printf(out, "expected symbol found ambiguous\n");
		break;
	case KSPLICE_INCONSISTENT:
	case KSPLICE_NOT_A_SYMBOL:
		memcpy(&expected, what->expected, sizeof(expected));
		memcpy(&found, what->found, sizeof(found));
		seq_buf_printf(out, "expected %016llx found %016llx\n", expected, found);
		break;
	}
}

static void note_mismatch(struct ksplice_match *m, const struct ksplice_mismatch *what)
{
	struct ksplice_target *target = target_of(m);
	struct seq_buf *out = &target->update->mismatches;
	bool probed = what->why == KSPLICE_DIFFERS && what->address && probe_changed(what->address);
	const char *section = strrchr(what->name, ' ');

	/* A key's label is its object and its section. */
	seq_buf_printf(out, "%s %.*s %s+0x%x ", target->name,
		       (int)strcspn(what->object, " "), what->object,
		       section ? section + 1 : what->name, what->offset);
	print_found(out, what, probed);
	if (target->verdict != KSPLICE_OK)
		return;
	if (probed)
		target->verdict = KSPLICE_PROBED;
	else if (what->why == KSPLICE_NOT_FOUND)
		target->verdict = KSPLICE_FAILED_TO_FIND;
	else if (what->why == KSPLICE_NOT_A_SYMBOL)
		target->verdict = KSPLICE_BAD_SYSTEM_MAP;
	else
		target->verdict = KSPLICE_NO_MATCH;
}

/* Nobody rewrites the code while it is read, and no transient breakpoint is seen. */
static int read_quiet_text(void *to, u64 address, size_t length)
{
	int ret;

	cond_resched();
	mutex_lock(&KERNEL(text_mutex));
	ret = ksplice_read_text(to, address, length);
	mutex_unlock(&KERNEL(text_mutex));
	return ret;
}

static const struct ksplice_hooks quiet_hooks = {
	.read = read_quiet_text,
	.lookup = addresses_of,
	.report = note_mismatch,
};

/* For who has text_mutex. */
static const struct ksplice_hooks hooks = {
	.read = ksplice_read_text,
	.lookup = addresses_of,
	.report = note_mismatch,
};

static enum ksplice_cause hold_module(struct ksplice_target *target)
{
	struct module *mod;

	if (!strcmp(target->name, "vmlinux"))
		return KSPLICE_OK;
	preempt_disable();
	mod = KERNEL(find_module)(target->name);
	if (mod && !try_module_get(mod))
		mod = NULL;
	preempt_enable();
	if (mod && mod->state != MODULE_STATE_LIVE && !ksplice_is_expected(mod)) {
		module_put(mod);
		mod = NULL;
	}
	target->module = mod;
	return mod ? KSPLICE_OK : KSPLICE_TARGET_NOT_LOADED;
}

static enum ksplice_cause prepare_match(struct ksplice_target *target)
{
	const struct ksplice_program *program = target->old->program;
	struct ksplice_match *m = &target->match;

	m->program = program;
	m->hooks = &quiet_hooks;
	m->values = kvcalloc(program->keys.count, sizeof(*m->values), GFP_KERNEL);
	m->known = kvcalloc(program->keys.count, sizeof(*m->known), GFP_KERNEL);
	m->addresses = kvcalloc(program->spans.count, sizeof(*m->addresses), GFP_KERNEL);
	m->states = kvcalloc(program->spans.count, sizeof(*m->states), GFP_KERNEL);
	m->bytes = kvmalloc(ksplice_longest_span(program), GFP_KERNEL);
	target->symbols = ksplice_gather_symbols(program, target->name);
	if (m->values && m->known && m->addresses && m->states && m->bytes && target->symbols)
		return KSPLICE_OK;
	return KSPLICE_OUT_OF_MEMORY;
}

static void note_replaced(struct ksplice_target *target, const struct ksplice_span *span,
			  const char *by, enum ksplice_cause verdict)
{
	const struct ksplice_program *p = target->match.program;

	seq_buf_printf(&target->update->mismatches,
		       "%s %s %s+0x0 expected unchanged found replaced-by-%s\n", target->name,
		       ksplice_string(p, span->label), ksplice_string(p, span->name), by);
	target->verdict = verdict;
}

/*
 * A function that another update has replaced is left alone, unless this update
 * was made on top of that: where neither's new code knows of the other's, one fix
 * would be lost.
 */
static void refuse_replaced(struct ksplice_target *target)
{
	const struct ksplice_span *spans = ksplice_spans(target->match.program);
	const struct ksplice_function *other;
	struct ksplice_match *m = &target->match;
	const char *livepatch;
	u32 i;

	for (i = 0; i < m->program->spans.count; i++) {
		if (!(spans[i].flags & KSPLICE_SPAN_REPLACED) || !m->addresses[i])
			continue;
		other = ksplice_find_switched(m->addresses[i], spans[i].length, target->update);
		if (other && !ksplice_is_base(target->old->bases, target->old->n_bases,
					      other->target))
			note_replaced(target, &spans[i], other->update->id, KSPLICE_NO_MATCH);
		livepatch = ksplice_find_livepatch(m->addresses[i], spans[i].length);
		if (livepatch)
			note_replaced(target, &spans[i], livepatch, KSPLICE_LIVEPATCHED);
	}
}

/* Matches and leaves the verdict in the target. */
void ksplice_match_target(struct ksplice_target *target)
{
	lockdep_assert_held(&ksplice_lock);
	ksplice_forget_match(target);
	target->verdict = hold_module(target);
	if (target->verdict == KSPLICE_OK)
		target->verdict = prepare_match(target);
	if (target->verdict == KSPLICE_OK) {
		ksplice_match_all(&target->match);
		target->match.hooks = &hooks;
		ksplice_lock_livepatches();
		refuse_replaced(target);
		ksplice_unlock_livepatches();
	}
	if (target->verdict == KSPLICE_OK)
		pr_info("%s: %s matches: %u functions and data, %u not reached\n",
			target->update->id, target->name,
			target->match.program->spans.count, target->match.unverified);
}

void ksplice_forget_match(struct ksplice_target *target)
{
	struct ksplice_match *m = &target->match;

	kvfree(m->values);
	kvfree(m->known);
	kvfree(m->addresses);
	kvfree(m->states);
	kvfree(m->bytes);
	memset(m, 0, sizeof(*m));
	ksplice_free_symbols(target->symbols);
	target->symbols = NULL;
	module_put(target->module);
	target->module = NULL;
	target->verdict = KSPLICE_INCOMPLETE;
}

static bool ref_agrees(struct ksplice_target *target, const struct ksplice_ref *ref)
{
	struct ksplice_field field = {
		.addend = ref->addend,
		.key = ref->key,
		.width = ref->width,
		.flags = ref->flags,
	};
	const struct ksplice_program *p = target->match.program;
	struct ksplice_mismatch what = { .why = KSPLICE_NOT_A_SYMBOL };
	u64 number, value;

	if (ref->key >= p->keys.count || (ref->width != 4 && ref->width != 8) ||
	    copy_from_kernel_nofault(&number, ref->place, ref->width))
		return false;
	value = ksplice_field_value(&field, &number, (unsigned long)ref->place);
	if (ksplice_match_value(&target->match, ref->key, value))
		return true;
	what.object = ksplice_string(p, ksplice_keys(p)[ref->key].label);
	what.name = ksplice_string(p, ksplice_keys(p)[ref->key].name);
	memcpy(what.expected, &target->match.values[ref->key], sizeof(u64));
	memcpy(what.found, &value, sizeof(u64));
	note_mismatch(&target->match, &what);
	return false;
}

/*
 * The module loader found the symbols that the new code uses by name; where
 * run-pre matching came across the same symbol, the addresses must be equal.
 */
enum ksplice_cause ksplice_check_refs(struct ksplice_target *target)
{
	enum ksplice_cause cause = KSPLICE_OK;
	unsigned int i;

	for (i = 0; i < target->new->n_refs; i++)
		if (!ref_agrees(target, &target->new->refs[i]))
			cause = KSPLICE_BAD_SYSTEM_MAP;
	return cause;
}
