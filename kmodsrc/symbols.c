// SPDX-License-Identifier: GPL-2.0-only
/*
 * All addresses that kallsyms has for the names a match program mentions.
 *
 * Modules' symbols can only be gone through one after the other, so all names
 * are collected first and then found in a single pass.
 */
#include <linux/jhash.h>
#include <linux/slab.h>
#include "core.h"
#include "kernel.h"

#define BUCKETS 1024

struct name {
	struct hlist_node node;
	const char *name;	/* in the program */
	struct ksplice_address *addresses;
};

struct ksplice_symbols {
	struct hlist_head names[BUCKETS];
};

/* In whose name the kernel's symbols are asked for. */
struct query {
	struct name *name;
	bool in_target;
};

static u32 bucket(const char *name)
{
	return jhash(name, strlen(name), 0) % BUCKETS;
}

static struct name *find(const struct ksplice_symbols *symbols, const char *name)
{
	struct name *n;

	hlist_for_each_entry(n, &symbols->names[bucket(name)], node)
		if (!strcmp(n->name, name))
			return n;
	return NULL;
}

const struct ksplice_address *ksplice_find_symbol(const struct ksplice_symbols *symbols,
						  const char *name)
{
	struct name *n = find(symbols, name);

	return n ? n->addresses : NULL;
}

static int add_name(struct ksplice_symbols *symbols, const char *name)
{
	struct name *n;

	if (find(symbols, name))
		return 0;
	n = kzalloc(sizeof(*n), GFP_KERNEL);
	if (!n)
		return -ENOMEM;
	n->name = name;
	hlist_add_head(&n->node, &symbols->names[bucket(name)]);
	return 0;
}

static int add_names(struct ksplice_symbols *symbols, const struct ksplice_program *program)
{
	const struct ksplice_span *spans = ksplice_spans(program);
	const struct ksplice_key *keys = ksplice_keys(program);
	int ret = 0;
	u32 i;

	for (i = 0; i < program->spans.count && !ret; i++)
		if (spans[i].flags & KSPLICE_SPAN_SEARCH)
			ret = add_name(symbols, ksplice_string(program, spans[i].name));
	for (i = 0; i < program->keys.count && !ret; i++)
		if (keys[i].flags & KSPLICE_KEY_KALLSYMS)
			ret = add_name(symbols, ksplice_string(program, keys[i].name));
	return ret;
}

static int add_address(struct name *name, unsigned long address, bool in_target)
{
	struct ksplice_address *a;

	for (a = name->addresses; a; a = a->next)
		if (a->value == address)
			return 0;
	a = kmalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	a->value = address;
	a->in_target = in_target;
	a->next = name->addresses;
	name->addresses = a;
	return 0;
}

static int note_kernel_symbol(void *data, unsigned long address)
{
	struct query *query = data;

	return add_address(query->name, address, query->in_target);
}

static int note_module_symbol(void *data, const char *name, bool in_target, unsigned long address)
{
	struct name *n = find(data, name);

	return n ? add_address(n, address, in_target) : 0;
}

static int find_addresses(struct ksplice_symbols *symbols, const char *target)
{
	struct query query = { .in_target = !strcmp(target, "vmlinux") };
	int i, ret;

	for (i = 0; i < BUCKETS; i++) {
		hlist_for_each_entry(query.name, &symbols->names[i], node) {
			ret = KERNEL(kallsyms_on_each_match_symbol)(note_kernel_symbol,
								    query.name->name, &query);
			if (ret)
				return ret;
		}
	}
	return ksplice_each_module_symbol(note_module_symbol, target, symbols);
}

/* NULL if there is not enough memory. */
struct ksplice_symbols *ksplice_gather_symbols(const struct ksplice_program *program,
					       const char *target)
{
	struct ksplice_symbols *symbols = kvzalloc(sizeof(*symbols), GFP_KERNEL);

	if (!symbols)
		return NULL;
	if (!add_names(symbols, program) && !find_addresses(symbols, target))
		return symbols;
	ksplice_free_symbols(symbols);
	return NULL;
}

void ksplice_free_symbols(struct ksplice_symbols *symbols)
{
	struct ksplice_address *a;
	struct hlist_node *next;
	struct name *n;
	int i;

	if (!symbols)
		return;
	for (i = 0; i < BUCKETS; i++) {
		hlist_for_each_entry_safe(n, next, &symbols->names[i], node) {
			while (n->addresses) {
				a = n->addresses;
				n->addresses = a->next;
				kfree(a);
			}
			kfree(n);
		}
	}
	kvfree(symbols);
}
