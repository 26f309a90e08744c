// SPDX-License-Identifier: GPL-2.0-only
/*
 * Branches of new code whose static key is read-only by now (__ro_after_init).
 *
 * The kernel's module loader links a module's jump labels to their keys, and for that
 * it writes to a key that may belong to another module.  If the key is sealed, this
 * write is a page fault.  But a sealed key never changes again.  So such branches are
 * hidden from the loader in a table of their own, and each gets its final form here,
 * before any task can run it.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <asm/sync_core.h>
#include "core.h"
#include "kernel.h"

#define SHORT_SIZE 2
#define LONG_SIZE 5

static const u8 short_nop[SHORT_SIZE] = { 0x66, 0x90 };
static const u8 long_nop[LONG_SIZE] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

struct branch {
	unsigned long site;
	unsigned int size;
	u8 jump[LONG_SIZE];
	const u8 *nop;
};

/* Whether the kernel's page tables make the address read-only. */
static bool is_sealed(const struct static_key *key)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)key, &level);

	return pte && (pte_flags(*pte) & _PAGE_PRESENT) && !(pte_flags(*pte) & _PAGE_RW);
}

static void make_forms(struct branch *branch, long distance, unsigned int size)
{
	s32 operand = distance - size;

	branch->size = size;
	branch->nop = size == SHORT_SIZE ? short_nop : long_nop;
	branch->jump[0] = size == SHORT_SIZE ? 0xeb : 0xe9;
	memcpy(branch->jump + 1, &operand, size - 1);
}

/* The compiler has made a jump or a no-op of it; anything else is not what the table says. */
static bool is_there(const struct branch *branch)
{
	const void *site = (const void *)branch->site;

	return !memcmp(site, branch->nop, branch->size) ||
	       !memcmp(site, branch->jump, branch->size);
}

static bool find_forms(struct branch *branch, const struct jump_entry *entry)
{
	long distance = jump_entry_target(entry) - jump_entry_code(entry);

	branch->site = jump_entry_code(entry);
	make_forms(branch, distance, SHORT_SIZE);
	if (distance - SHORT_SIZE == (s8)(distance - SHORT_SIZE) && is_there(branch))
		return true;
	make_forms(branch, distance, LONG_SIZE);
	return is_there(branch);
}

static int settle(const struct ksplice_new_code *code, const struct jump_entry *entry)
{
	unsigned long site = jump_entry_code(entry);
	struct static_key *key = jump_entry_key(entry);
	struct branch branch;
	bool is_jump;

	if (ksplice_is_probed(site, LONG_SIZE)) {
		pr_err("%s: a kprobe is at %pS\n", code->id, (void *)site);
		return -EBUSY;
	}
	if (!within_module(site, code->owner) || !find_forms(&branch, entry)) {
		pr_err("%s: no branch of %ps is at %pS\n", code->id, key, (void *)site);
		return -EINVAL;
	}
	if (!is_sealed(key)) {
		pr_err("%s: %ps can be written to, and may change\n", code->id, key);
		return -EBUSY;
	}
	is_jump = static_key_enabled(key) ^ jump_entry_is_branch(entry);
	return ksplice_write_text(branch.site, is_jump ? branch.jump : branch.nop, branch.size);
}

static void serialise(void *unused)
{
	sync_core();
}

/* Before the new code is known to anybody.  If it fails, that must not be used. */
int ksplice_settle_sealed(const struct ksplice_new_code *code)
{
	unsigned int i;
	int ret = 0;

	/* Nobody else writes to these bytes. */
	ksplice_lock_kprobes();
	for (i = 0; i < code->n_sealed && !ret; i++)
		ret = settle(code, &code->sealed[i]);
	ksplice_unlock_kprobes();
	/* Hooks of the new code run before the switch, in which all CPUs do this. */
	if (code->n_sealed)
		on_each_cpu(serialise, NULL, 1);
	return ret;
}
