// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sites: code that the kernel rewrites at boot or at run time.  The bytes must
 * be one of the forms that the program lists, and the operands must agree with
 * what relocations, or sites before, have told.
 */
#include <linux/types.h>
#include "match.h"

/*
 * Whether the operands of a site agree with what is known.  If they may, those
 * that nothing was known of become known, for the sites that come after.
 */
static bool operands_agree(struct ksplice_match *m, const struct ksplice_variant *v,
			   const __u8 *run, __u64 place, bool may_learn)
{
	const struct ksplice_key *keys = ksplice_keys(m->program);
	const struct ksplice_field *first = &ksplice_fields(m->program)[v->fields];
	const struct ksplice_field *end = first + v->n_fields;
	const struct ksplice_field *f;
	__u64 value;

	for (f = first; f < end; f++) {
		if (f->flags & KSPLICE_FIELD_FREE)
			continue;
		value = ksplice_field_value(f, run + f->offset, place + f->offset);
		if (!ksplice_match_value(m, f->key, value))
			return false;
		if (!may_learn && !m->known[f->key] &&
		    !(keys[f->key].flags & KSPLICE_KEY_KALLSYMS))
			return false;
	}
	for (f = first; f < end; f++) {
		if ((f->flags & KSPLICE_FIELD_FREE) || m->known[f->key] ||
		    (keys[f->key].flags & KSPLICE_KEY_KALLSYMS))
			continue;
		m->values[f->key] = ksplice_field_value(f, run + f->offset, place + f->offset);
		m->known[f->key] = 1;
	}
	return true;
}

/* A form that needs nothing new comes first: what one site tells, others obey. */
bool ksplice_site_agrees(struct ksplice_match *m, const struct ksplice_item *item,
			 const __u8 *run, __u64 place)
{
	const struct ksplice_variant *first = &ksplice_variants(m->program)[item->first];
	const struct ksplice_variant *v, *end = first + item->n_variants;
	int may_learn;

	for (may_learn = 0; may_learn <= 1; may_learn++)
		for (v = first; v < end; v++)
			if (ksplice_variant_fits(m->program, v, run, item->length) &&
			    operands_agree(m, v, run, place, may_learn))
				return true;
	return false;
}
