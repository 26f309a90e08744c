// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run-pre matching.  A match program (program.h) describes code and read-only
 * data as the compiler made them, before the kernel was linked and before it
 * changed itself at boot.  Here that is compared with what runs:
 *
 *  1. A span with a name that kallsyms has once is compared there.  That tells
 *     the address of its section.
 *  2. The relocations of a span that was found tell the addresses of what it
 *     refers to.  All must agree.
 *  3. Other spans are compared as soon as their place is known: data, and
 *     functions of which kallsyms has several.
 *  4. Of a name that is still open, the one address that fits is taken.  If
 *     several do, the function has no place.
 *  5. What a key stands for must be what kallsyms has for its name.
 *  6. What the kernel rewrote (sites) must be a form that it may have, with
 *     operands that agree with what is known by now.
 *
 * No instruction is decoded, and no kind of rewriting is known here.
 */
#include <linux/string.h>
#include <linux/types.h>
#include "match.h"

enum span_state {
	SPAN_WAITING,		/* for the value of its key */
	SPAN_AMBIGUOUS,		/* the same, and several candidates fit */
	SPAN_PLACED,
	SPAN_DONE,		/* reported, or a weak one that is not there */
};

/* A result of compare_at() beyond all offsets in a span. */
#define CANNOT_READ 0xffffffffU

static void report(struct ksplice_match *m, struct ksplice_mismatch *what)
{
	m->mismatches++;
	m->hooks->report(m, what);
}

static struct ksplice_mismatch span_mismatch(struct ksplice_match *m, __u32 i,
					     enum ksplice_why why, __u32 offset)
{
	const struct ksplice_span *span = &ksplice_spans(m->program)[i];
	const struct ksplice_key *key = &ksplice_keys(m->program)[span->key];
	const char *name = ksplice_string(m->program, span->name);
	struct ksplice_mismatch what = {
		.why = why,
		.object = ksplice_string(m->program, span->label),
		.name = *name ? name : ksplice_string(m->program, key->label),
		.offset = offset,
	};

	return what;
}

/* The span is at m->addresses[i], and m->bytes are those that run there. */
static void report_bytes(struct ksplice_match *m, __u32 i, __u32 offset)
{
	const struct ksplice_span *span = &ksplice_spans(m->program)[i];
	bool readable = offset != CANNOT_READ;
	struct ksplice_mismatch what;

	if (!readable)
		offset = 0;
	what = span_mismatch(m, i, readable ? KSPLICE_DIFFERS : KSPLICE_UNREADABLE, offset);
	what.address = m->addresses[i] + offset;
	what.length = span->length - offset;
	if (what.length > sizeof(what.expected))
		what.length = sizeof(what.expected);
	memcpy(what.expected, ksplice_bytes(m->program) + span->bytes + offset, what.length);
	if (readable)
		memcpy(what.found, m->bytes + offset, what.length);
	report(m, &what);
}

static void report_values(struct ksplice_match *m, struct ksplice_mismatch *what,
			  __u64 expected, __u64 found)
{
	what->length = sizeof(__u64);
	memcpy(what->expected, &expected, sizeof(expected));
	memcpy(what->found, &found, sizeof(found));
	report(m, what);
}

/*
 * Reads what runs at the address into m->bytes.  Returns the length of the
 * span if that fits, else the offset of the first difference.
 */
static __u32 compare_at(struct ksplice_match *m, __u32 i, __u64 address)
{
	const struct ksplice_span *span = &ksplice_spans(m->program)[i];

	if (m->hooks->read(m->bytes, address, span->length))
		return CANNOT_READ;
	return ksplice_first_difference(m->program, span, m->bytes);
}

static void set_key(struct ksplice_match *m, __u32 span, __u32 offset, __u32 key, __u64 value)
{
	struct ksplice_mismatch what;

	if (!m->known[key]) {
		m->known[key] = 1;
		m->values[key] = value;
	} else if (m->values[key] != value) {
		what = span_mismatch(m, span, KSPLICE_INCONSISTENT, offset);
		report_values(m, &what, m->values[key], value);
	}
}

/* m->bytes are what runs at the address, and they fit. */
static void place_span(struct ksplice_match *m, __u32 i, __u64 address)
{
	const struct ksplice_span *span = &ksplice_spans(m->program)[i];
	const struct ksplice_item *item = &ksplice_items(m->program)[span->items];
	const struct ksplice_item *end = item + span->n_items;
	const struct ksplice_field *field;
	__u64 value;
	__u32 at;

	m->addresses[i] = address;
	m->states[i] = SPAN_PLACED;
	set_key(m, i, 0, span->key, address - span->offset);
	for (; item < end; item++) {
		if (item->n_variants)
			continue;
		field = &ksplice_fields(m->program)[item->first];
		at = item->offset + field->offset;
		value = ksplice_field_value(field, m->bytes + at, address + at);
		set_key(m, i, at, field->key, value);
	}
}

static const struct ksplice_address *candidates(struct ksplice_match *m,
						const struct ksplice_span *span)
{
	return m->hooks->lookup(m, ksplice_string(m->program, span->name));
}

static bool has_several_candidates(struct ksplice_match *m, const struct ksplice_span *span)
{
	const struct ksplice_address *a;
	unsigned int n = 0;

	for (a = candidates(m, span); a; a = a->next)
		n += a->in_target;
	return n > 1;
}

/* No candidate fits; "best" is the one that differs last. */
static void refuse_search(struct ksplice_match *m, __u32 i, __u64 best)
{
	struct ksplice_mismatch what;

	m->states[i] = SPAN_DONE;
	if (best) {
		m->addresses[i] = best;
		report_bytes(m, i, compare_at(m, i, best));
		m->addresses[i] = 0;
	} else {
		what = span_mismatch(m, i, KSPLICE_NOT_FOUND, 0);
		report(m, &what);
	}
}

/* With "sole", only if there is no more than one candidate. */
static void search_span(struct ksplice_match *m, __u32 i, bool sole)
{
	const struct ksplice_span *span = &ksplice_spans(m->program)[i];
	const struct ksplice_address *a;
	__u64 best = 0, hit = 0;
	__u32 at, best_at = 0;
	unsigned int hits = 0;

	if (sole && has_several_candidates(m, span))
		return;
	for (a = candidates(m, span); a; a = a->next) {
		if (!a->in_target)
			continue;
		at = compare_at(m, i, a->value);
		if (at == span->length) {
			hit = a->value;
			hits++;
		} else if (!best || (at != CANNOT_READ && at >= best_at)) {
			best = a->value;
			best_at = at == CANNOT_READ ? 0 : at;
		}
	}
	if (hits > 1) {
		m->states[i] = SPAN_AMBIGUOUS;
	} else if (hits == 1) {
		compare_at(m, i, hit);
		place_span(m, i, hit);
	} else {
		refuse_search(m, i, best);
	}
}

static bool is_candidate(struct ksplice_match *m, const struct ksplice_span *span, __u64 address)
{
	const struct ksplice_address *a;

	for (a = candidates(m, span); a; a = a->next)
		if (a->in_target && a->value == address)
			return true;
	return false;
}

static bool is_searched(const struct ksplice_span *span)
{
	return (span->flags & KSPLICE_SPAN_SEARCH) && !(span->flags & KSPLICE_SPAN_WEAK);
}

/* The key of a span that waited is known now. */
static void place_by_key(struct ksplice_match *m, __u32 i)
{
	const struct ksplice_span *span = &ksplice_spans(m->program)[i];
	__u64 address = m->values[span->key] + span->offset;
	struct ksplice_mismatch what;
	__u32 at;

	if ((span->flags & KSPLICE_SPAN_SEARCH) && !is_candidate(m, span, address)) {
		m->states[i] = SPAN_DONE;
		/* A weak definition that is not there gave way to another object's. */
		if (span->flags & KSPLICE_SPAN_WEAK)
			return;
		what = span_mismatch(m, i, KSPLICE_AMBIGUOUS, 0);
		report(m, &what);
		return;
	}
	at = compare_at(m, i, address);
	if (at == span->length) {
		place_span(m, i, address);
		return;
	}
	m->states[i] = SPAN_DONE;
	m->addresses[i] = address;
	report_bytes(m, i, at);
	m->addresses[i] = 0;
}

static void place_by_keys(struct ksplice_match *m)
{
	const struct ksplice_span *spans = ksplice_spans(m->program);
	__u32 i, n = m->program->spans.count;
	bool again = true;

	while (again) {
		again = false;
		for (i = 0; i < n; i++) {
			if (m->states[i] > SPAN_AMBIGUOUS || !m->known[spans[i].key])
				continue;
			place_by_key(m, i);
			again = true;
		}
	}
}

static void place_spans(struct ksplice_match *m)
{
	const struct ksplice_span *spans = ksplice_spans(m->program);
	__u32 i, n = m->program->spans.count;

	/*
	 * A name that there is once first: of several functions one may fit by
	 * chance, where the right one was changed.  A weak definition tells
	 * nothing at all: the one that took its place may look the same.
	 */
	for (i = 0; i < n; i++)
		if (is_searched(&spans[i]))
			search_span(m, i, true);
	place_by_keys(m);
	for (i = 0; i < n; i++) {
		if (!is_searched(&spans[i]) || m->states[i] != SPAN_WAITING)
			continue;
		search_span(m, i, false);
		place_by_keys(m);
	}
}

/* Spans that are without a place when nothing more can be found out. */
static void settle_rest(struct ksplice_match *m)
{
	const struct ksplice_span *span = ksplice_spans(m->program);
	struct ksplice_mismatch what;
	enum ksplice_why why;
	__u32 i;

	for (i = 0; i < m->program->spans.count; i++, span++) {
		if (m->states[i] > SPAN_AMBIGUOUS)
			continue;
		why = m->states[i] == SPAN_AMBIGUOUS ? KSPLICE_AMBIGUOUS : KSPLICE_NOT_FOUND;
		if (span->flags & KSPLICE_SPAN_REPLACED) {
			what = span_mismatch(m, i, why, 0);
			report(m, &what);
		} else if (why == KSPLICE_AMBIGUOUS || !(span->flags & KSPLICE_SPAN_WEAK)) {
			m->unverified++;
		}
	}
}

static bool is_symbol_value(struct ksplice_match *m, __u32 key, __u64 value)
{
	const struct ksplice_key *k = &ksplice_keys(m->program)[key];
	const struct ksplice_address *a;

	if (!value && (k->flags & KSPLICE_KEY_WEAK))
		return true;
	for (a = m->hooks->lookup(m, ksplice_string(m->program, k->name)); a; a = a->next)
		if (a->value == value)
			return true;
	return false;
}

static void check_symbols(struct ksplice_match *m)
{
	const struct ksplice_key *keys = ksplice_keys(m->program);
	const struct ksplice_address *a;
	struct ksplice_mismatch what;
	__u32 i;

	for (i = 0; i < m->program->keys.count; i++) {
		if (!m->known[i] || !(keys[i].flags & KSPLICE_KEY_KALLSYMS) ||
		    is_symbol_value(m, i, m->values[i]))
			continue;
		a = m->hooks->lookup(m, ksplice_string(m->program, keys[i].name));
		what = (struct ksplice_mismatch){
			.why = KSPLICE_NOT_A_SYMBOL,
			.object = ksplice_string(m->program, keys[i].label),
			.name = ksplice_string(m->program, keys[i].name),
		};
		report_values(m, &what, a ? a->value : 0, m->values[i]);
	}
}

bool ksplice_match_value(struct ksplice_match *m, __u32 key, __u64 value)
{
	if (m->known[key])
		return m->values[key] == value;
	if (ksplice_keys(m->program)[key].flags & KSPLICE_KEY_KALLSYMS)
		return is_symbol_value(m, key, value);
	return true;
}

static bool reloc_agrees(struct ksplice_match *m, const struct ksplice_item *item,
			 const __u8 *run, __u64 place)
{
	const struct ksplice_field *f = &ksplice_fields(m->program)[item->first];
	__u64 value = ksplice_field_value(f, run + f->offset, place + f->offset);

	return m->values[f->key] == value;
}

bool ksplice_match_span(struct ksplice_match *m, __u32 i)
{
	const struct ksplice_span *span = &ksplice_spans(m->program)[i];
	const struct ksplice_item *item = &ksplice_items(m->program)[span->items];
	const struct ksplice_item *end = item + span->n_items;
	__u32 at = compare_at(m, i, m->addresses[i]);
	unsigned int before = m->mismatches;
	__u64 place;
	bool agrees;

	if (at != span->length) {
		report_bytes(m, i, at);
		return false;
	}
	for (; item < end; item++) {
		place = m->addresses[i] + item->offset;
		if (item->n_variants)
			agrees = ksplice_site_agrees(m, item, m->bytes + item->offset, place);
		else
			agrees = reloc_agrees(m, item, m->bytes + item->offset, place);
		if (!agrees)
			report_bytes(m, i, item->offset);
	}
	return m->mismatches == before;
}

bool ksplice_match_all(struct ksplice_match *m)
{
	__u32 i;

	place_spans(m);
	settle_rest(m);
	check_symbols(m);
	/* With a doubtful key every word about a site would be noise. */
	if (m->mismatches)
		return false;
	for (i = 0; i < m->program->spans.count; i++)
		if (m->states[i] == SPAN_PLACED)
			ksplice_match_span(m, i);
	return !m->mismatches;
}
