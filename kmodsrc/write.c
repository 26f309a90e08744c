// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes over code and constants of the kernel and of modules.
 *
 * They are read-only where they are, so their pages are mapped once more,
 * writable, before the machine is stopped.  Inside the stop nothing is left to
 * do but to copy: no function of the kernel is called, which might just be the one
 * that is replaced, and no lock is taken, which somebody who was stopped might hold.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "core.h"

/*
 * Where the bytes at the address can be written, until ksplice_unmap().  NULL if there is
 * not enough memory, or the address is neither the kernel's nor a module's.
 */
u8 *ksplice_map(unsigned long address, unsigned long length)
{
	unsigned long first = address & PAGE_MASK;
	unsigned int n = PHYS_PFN(PAGE_ALIGN(address + length) - first), i;
	struct page **pages = kvmalloc_array(n, sizeof(*pages), GFP_KERNEL);
	u8 *mapping = NULL;

	if (!pages)
		return NULL;
	for (i = 0; i < n; i++) {
		pages[i] = ksplice_page_of(first + i * PAGE_SIZE);
		if (!pages[i])
			goto out;
	}
	mapping = vmap(pages, n, VM_MAP, PAGE_KERNEL);
out:
	kvfree(pages);
	return mapping ? mapping + offset_in_page(address) : NULL;
}

void ksplice_unmap(u8 *place)
{
	if (place)
		vunmap((void *)((unsigned long)place & PAGE_MASK));
}

/*
 * This and its callers in the stop are "noinline notrace __kprobes": they run while code is half
 * written, and nothing of the kernel may be called then, not even by a tracer or a probe.  So it is
 * byte by byte, and without memcpy(), which is the kernel's.
 */
noinline notrace __kprobes void ksplice_copy(u8 *to, const u8 *from, unsigned long length)
{
	unsigned long i;

	for (i = 0; i < length; i++)
		WRITE_ONCE(to[i], READ_ONCE(from[i]));
}

/*
 * Writes to code that nobody runs yet.  Whoever lets it run has each CPU
 * serialise before.  Returns 0 or -ENOMEM.
 */
int ksplice_write_text(unsigned long to, const void *bytes, unsigned long length)
{
	u8 *place = ksplice_map(to, length);

	if (!place)
		return -ENOMEM;
	ksplice_copy(place, bytes, length);
	ksplice_serialise();
	ksplice_unmap(place);
	return 0;
}
