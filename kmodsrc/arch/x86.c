// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86-64.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "../core.h"
#include "../kernel.h"

#define ENDBR64 0xfa1e0ff3

static const u8 short_nop[KSPLICE_SHORT_JUMP_SIZE] = { 0x66, 0x90 };
static const u8 long_nop[KSPLICE_JUMP_SIZE] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

bool ksplice_jump_reaches(unsigned long site, unsigned long to)
{
	long distance = to - (site + KSPLICE_JUMP_SIZE);

	return distance == (s32)distance;
}

void ksplice_make_jump(u8 *jump, unsigned long site, unsigned long to)
{
	ksplice_make_branch(jump, KSPLICE_JUMP_SIZE, to - site);
}

void ksplice_make_branch(u8 *jump, unsigned int size, long distance)
{
	s32 operand = distance - size;

	jump[0] = size == KSPLICE_SHORT_JUMP_SIZE ? 0xeb : 0xe9;
	memcpy(jump + 1, &operand, size - 1);
}

const u8 *ksplice_branch_nop(unsigned int size)
{
	return size == KSPLICE_SHORT_JUMP_SIZE ? short_nop : long_nop;
}

unsigned long ksplice_behind_mark(unsigned long entry)
{
	u32 insn;

	if (!copy_from_kernel_nofault(&insn, (void *)entry, sizeof(insn)) && insn == ENDBR64)
		return entry + KSPLICE_MARK_SIZE;
	return entry;
}

/* Ends are inclusive for two of the kernel's three functions. */
bool ksplice_is_reserved(unsigned long site)
{
	void *first = (void *)site, *last = (void *)(site + KSPLICE_JUMP_SIZE - 1);

	return KERNEL(jump_label_text_reserved)(first, last) ||
	       KERNEL(static_call_text_reserved)(first, last) ||
	       ksplice_has_lock_prefix(first, last + 1);
}

struct page *ksplice_page_of(unsigned long address)
{
	if (address >= MODULES_VADDR && address < MODULES_END)
		return vmalloc_to_page((void *)address);
	if (address >= __START_KERNEL_map && address < MODULES_VADDR)
		return pfn_to_page(PHYS_PFN(__pa_symbol(address)));
	return NULL;
}
