/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the machine has of its own: how a jump looks, what may rewrite code, where code is
 * mapped, and how a processor forgets what it has fetched.  Another machine is another file
 * in arch/ with a header of its own, which has the sizes and ksplice_serialise().
 */
#ifndef KSPLICE_ARCH_H
#define KSPLICE_ARCH_H

#include <linux/types.h>
#include "arch/x86.h"

struct page;

/* The jump of KSPLICE_JUMP_SIZE bytes at the site; whether it can lead that far. */
bool ksplice_jump_reaches(unsigned long site, unsigned long to);
void ksplice_make_jump(u8 *jump, unsigned long site, unsigned long to);

/* Both forms of a static key's branch of that size; the distance is from the start of it. */
void ksplice_make_branch(u8 *jump, unsigned int size, long distance);
const u8 *ksplice_branch_nop(unsigned int size);

/* Where a function can be left that begins with a mark for indirect calls, or with none. */
unsigned long ksplice_behind_mark(unsigned long entry);

/* Whether the kernel may rewrite a byte of a jump there; with text_mutex held. */
bool ksplice_is_reserved(unsigned long site);

/* The page of the kernel image or of a module that has the address, or NULL. */
struct page *ksplice_page_of(unsigned long address);

#endif
