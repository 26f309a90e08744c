// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes that run against bytes as built, and the numbers in them.  Where a
 * relocation is, any number will do here; where a site is, any of its forms.
 */
#include <linux/string.h>
#include <linux/types.h>
#include "match.h"

__u64 ksplice_field_value(const struct ksplice_field *field, const void *number, __u64 place)
{
	unsigned int unused = 64 - 8 * field->width;
	__u64 value = 0;

	memcpy(&value, number, field->width);
	if (field->flags & KSPLICE_FIELD_SIGNED)
		value = (__s64)(value << unused) >> unused;
	value -= field->addend;
	if (field->flags & KSPLICE_FIELD_PCREL)
		value += place;
	return value;
}

/* The first offset from "from" on where two stretches differ, or "to". */
static __u32 differ_at(const __u8 *a, const __u8 *b, __u32 from, __u32 to)
{
	while (from < to && a[from] == b[from])
		from++;
	return from;
}

bool ksplice_variant_fits(const struct ksplice_program *p, const struct ksplice_variant *v,
			  const __u8 *run, __u32 length)
{
	const struct ksplice_field *f = &ksplice_fields(p)[v->fields];
	const struct ksplice_field *end = f + v->n_fields;
	const __u8 *bytes = ksplice_bytes(p) + v->bytes;
	__u32 at = 0;

	for (; f < end; f++) {
		if (differ_at(bytes, run, at, f->offset) < f->offset)
			return false;
		at = f->offset + f->width;
	}
	return differ_at(bytes, run, at, length) == length;
}

static bool item_fits(const struct ksplice_program *p, const struct ksplice_item *item,
		      const __u8 *run)
{
	const struct ksplice_variant *v = &ksplice_variants(p)[item->first];
	__u32 i;

	for (i = 0; i < item->n_variants; i++)
		if (ksplice_variant_fits(p, &v[i], run, item->length))
			return true;
	return !item->n_variants;
}

__u32 ksplice_first_difference(const struct ksplice_program *p, const struct ksplice_span *span,
			       const __u8 *run)
{
	const __u8 *pre = ksplice_bytes(p) + span->bytes;
	const struct ksplice_item *item = &ksplice_items(p)[span->items];
	const struct ksplice_item *end = item + span->n_items;
	__u32 at = 0;

	for (; item < end; item++) {
		at = differ_at(pre, run, at, item->offset);
		if (at < item->offset || !item_fits(p, item, run + item->offset))
			return at;
		at = item->offset + item->length;
	}
	return differ_at(pre, run, at, span->length);
}
