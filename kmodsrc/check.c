// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a match program well-formed?  Everything that match.c follows without
 * looking (offsets, indices, counts, lengths) is checked here once, so that a
 * damaged program is refused instead of sending the interpreter astray.
 */
#include <linux/errno.h>
#include <linux/types.h>
#include "match.h"

static bool table_ok(const struct ksplice_program *p, struct ksplice_table t, size_t record)
{
	return t.offset % 8 == 0 && t.offset >= sizeof(*p) && t.offset <= p->size &&
	       t.count <= (p->size - t.offset) / record;
}

/* Whether first ... first + count - 1 are among the records of a table. */
static bool range_ok(struct ksplice_table t, __u32 first, __u32 count)
{
	return first <= t.count && count <= t.count - first;
}

static bool header_ok(const struct ksplice_program *p, size_t size)
{
	const char *strings;

	if (size < sizeof(*p) || p->magic != KSPLICE_PROGRAM_MAGIC ||
	    p->version != KSPLICE_PROGRAM_VERSION || p->size != size)
		return false;
	if (!table_ok(p, p->strings, 1) ||
	    !table_ok(p, p->keys, sizeof(struct ksplice_key)) ||
	    !table_ok(p, p->spans, sizeof(struct ksplice_span)) ||
	    !table_ok(p, p->items, sizeof(struct ksplice_item)) ||
	    !table_ok(p, p->variants, sizeof(struct ksplice_variant)) ||
	    !table_ok(p, p->fields, sizeof(struct ksplice_field)) ||
	    !table_ok(p, p->bytes, 1))
		return false;
	strings = ksplice_string(p, 0);
	return p->strings.count && !strings[0] && !strings[p->strings.count - 1];
}

static bool string_ok(const struct ksplice_program *p, __u32 offset)
{
	return offset < p->strings.count;
}

static bool key_ok(const struct ksplice_program *p, const struct ksplice_key *key)
{
	const __u32 flags = KSPLICE_KEY_KALLSYMS | KSPLICE_KEY_WEAK | KSPLICE_KEY_GROUP;

	if (!string_ok(p, key->name) || !string_ok(p, key->label) || (key->flags & ~flags))
		return false;
	return *ksplice_string(p, key->name) || !(key->flags & KSPLICE_KEY_KALLSYMS);
}

static bool field_ok(const struct ksplice_program *p, const struct ksplice_field *f)
{
	const __u8 flags = KSPLICE_FIELD_PCREL | KSPLICE_FIELD_SIGNED | KSPLICE_FIELD_FREE;

	if (f->width != 1 && f->width != 2 && f->width != 4 && f->width != 8)
		return false;
	if (f->flags & ~flags)
		return false;
	return (f->flags & KSPLICE_FIELD_FREE) || f->key < p->keys.count;
}

/* As part of an item of that length. */
static bool variant_ok(const struct ksplice_program *p, const struct ksplice_variant *v,
		       __u32 length)
{
	const struct ksplice_field *f = &ksplice_fields(p)[v->fields];
	__u32 i, end = 0;

	if (!range_ok(p->bytes, v->bytes, length))
		return false;
	for (i = 0; i < v->n_fields; i++) {
		if (f[i].offset < end || f[i].offset + f[i].width > length)
			return false;
		end = f[i].offset + f[i].width;
	}
	return true;
}

static bool item_ok(const struct ksplice_program *p, const struct ksplice_item *item)
{
	const struct ksplice_field *reloc = &ksplice_fields(p)[item->first];
	__u32 i;

	if (!item->n_variants)
		return range_ok(p->fields, item->first, 1) && !reloc->offset &&
		       reloc->width == item->length && !(reloc->flags & KSPLICE_FIELD_FREE);
	if (!range_ok(p->variants, item->first, item->n_variants))
		return false;
	for (i = 0; i < item->n_variants; i++)
		if (!variant_ok(p, &ksplice_variants(p)[item->first + i], item->length))
			return false;
	return true;
}

static bool span_ok(const struct ksplice_program *p, const struct ksplice_span *span)
{
	const __u32 flags = KSPLICE_SPAN_SEARCH | KSPLICE_SPAN_WEAK | KSPLICE_SPAN_REPLACED;
	const struct ksplice_item *item;
	__u32 i, end = 0;

	if (!string_ok(p, span->name) || !string_ok(p, span->label) || (span->flags & ~flags) ||
	    span->key >= p->keys.count || !span->length ||
	    !range_ok(p->bytes, span->bytes, span->length) ||
	    !range_ok(p->items, span->items, span->n_items))
		return false;
	if (!*ksplice_string(p, span->name) && (span->flags & KSPLICE_SPAN_SEARCH))
		return false;
	for (i = 0; i < span->n_items; i++) {
		item = &ksplice_items(p)[span->items + i];
		if (!item->length || item->offset < end || item->offset > span->length ||
		    item->length > span->length - item->offset || !item_ok(p, item))
			return false;
		end = item->offset + item->length;
	}
	return true;
}

static bool tables_ok(const struct ksplice_program *p)
{
	const struct ksplice_variant *v = ksplice_variants(p);
	__u32 i;

	for (i = 0; i < p->keys.count; i++)
		if (!key_ok(p, &ksplice_keys(p)[i]))
			return false;
	for (i = 0; i < p->fields.count; i++)
		if (!field_ok(p, &ksplice_fields(p)[i]))
			return false;
	for (i = 0; i < p->variants.count; i++)
		if (!range_ok(p->fields, v[i].fields, v[i].n_fields))
			return false;
	for (i = 0; i < p->spans.count; i++)
		if (!span_ok(p, &ksplice_spans(p)[i]))
			return false;
	return true;
}

int ksplice_check_program(const struct ksplice_program *program, size_t size)
{
	return header_ok(program, size) && tables_ok(program) ? 0 : -EINVAL;
}

__u32 ksplice_longest_span(const struct ksplice_program *program)
{
	__u32 i, longest = 0;

	for (i = 0; i < program->spans.count; i++)
		if (ksplice_spans(program)[i].length > longest)
			longest = ksplice_spans(program)[i].length;
	return longest;
}
