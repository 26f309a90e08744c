/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run-pre matching: the interpreter of match programs.
 *
 * match.c knows the format and the rules, and nothing of the kernel around it:
 * memory, symbols and complaints go through struct ksplice_hooks, so that the
 * same file can be compiled and tested in user space.
 */
#ifndef KSPLICE_MATCH_H
#define KSPLICE_MATCH_H

#include "program.h"

/* One of the addresses that the running kernel has for a name. */
struct ksplice_address {
	struct ksplice_address *next;
	__u64 value;
	bool in_target;
};

enum ksplice_why {
	KSPLICE_DIFFERS,	/* other bytes, or another value, than expected */
	KSPLICE_UNREADABLE,
	KSPLICE_NOT_FOUND,	/* the target has no symbol of the span's name */
	KSPLICE_AMBIGUOUS,	/* several candidates fit, and nothing decides */
	KSPLICE_INCONSISTENT,	/* two places want different values of one key */
	KSPLICE_NOT_A_SYMBOL,	/* a value that kallsyms has not for the name */
};

struct ksplice_mismatch {
	enum ksplice_why why;
	const char *object;
	const char *name;	/* of the span or key; of data its key's label */
	__u32 offset;		/* in the span */
	__u64 address;		/* of the difference, 0 if there is none */
	unsigned int length;	/* of the two below, in bytes */
	__u8 expected[8];
	__u8 found[8];
};

struct ksplice_match;

struct ksplice_hooks {
	/* Copies running memory; 0, or an error if it cannot be read. */
	int (*read)(void *to, __u64 address, size_t length);
	/* All addresses of a name that the program mentions. */
	const struct ksplice_address *(*lookup)(struct ksplice_match *m, const char *name);
	void (*report)(struct ksplice_match *m, const struct ksplice_mismatch *what);
};

/*
 * The caller provides all memory, zeroed: an element of values and known for
 * each key, one of addresses and states for each span, and as many bytes as
 * the longest span is long.
 */
struct ksplice_match {
	const struct ksplice_program *program;	/* has passed the check */
	const struct ksplice_hooks *hooks;
	__u64 *values;		/* of the keys ... */
	__u8 *known;		/* ... that are known */
	__u64 *addresses;	/* of the spans, 0 for one without a place */
	__u8 *states;
	__u8 *bytes;
	unsigned int mismatches;
	unsigned int unverified;	/* spans whose place never became known */
};

/* Returns 0 if the program is well-formed, else -EINVAL. */
int ksplice_check_program(const struct ksplice_program *program, size_t size);
__u32 ksplice_longest_span(const struct ksplice_program *program);

/* Matches all spans; true if the running kernel is as the program says. */
bool ksplice_match_all(struct ksplice_match *m);

/* Compares one span, which has a place, once more. */
bool ksplice_match_span(struct ksplice_match *m, __u32 span);

/*
 * Compares a place outside the program with the value of a key.  Nothing is
 * known of a key that matching never came across: any value is good then,
 * unless kallsyms has a say.
 */
bool ksplice_match_value(struct ksplice_match *m, __u32 key, __u64 value);

/* compare.c: the value that the number at a place stands for. */
__u64 ksplice_field_value(const struct ksplice_field *field, const void *number, __u64 place);
/* Whether bytes, all but the fields, are those of the variant. */
bool ksplice_variant_fits(const struct ksplice_program *p, const struct ksplice_variant *v,
			  const __u8 *run, __u32 length);
/* The first offset where the running bytes are not what the span allows, or its length. */
__u32 ksplice_first_difference(const struct ksplice_program *p, const struct ksplice_span *span,
			       const __u8 *run);

/* operands.c: whether a site has a form whose operands agree with what is known. */
bool ksplice_site_agrees(struct ksplice_match *m, const struct ksplice_item *item,
			 const __u8 *run, __u64 place);

static inline const void *ksplice_start(const struct ksplice_program *p, struct ksplice_table t)
{
	return (const char *)p + t.offset;
}

static inline const struct ksplice_key *ksplice_keys(const struct ksplice_program *p)
{
	return ksplice_start(p, p->keys);
}

static inline const struct ksplice_span *ksplice_spans(const struct ksplice_program *p)
{
	return ksplice_start(p, p->spans);
}

static inline const struct ksplice_item *ksplice_items(const struct ksplice_program *p)
{
	return ksplice_start(p, p->items);
}

static inline const struct ksplice_variant *ksplice_variants(const struct ksplice_program *p)
{
	return ksplice_start(p, p->variants);
}

static inline const struct ksplice_field *ksplice_fields(const struct ksplice_program *p)
{
	return ksplice_start(p, p->fields);
}

static inline const __u8 *ksplice_bytes(const struct ksplice_program *p)
{
	return ksplice_start(p, p->bytes);
}

static inline const char *ksplice_string(const struct ksplice_program *p, __u32 offset)
{
	return (const char *)ksplice_start(p, p->strings) + offset;
}

#endif
