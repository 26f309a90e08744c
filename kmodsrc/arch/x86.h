/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSPLICE_ARCH_X86_H
#define KSPLICE_ARCH_X86_H

#include <linux/sync_core.h>

#define KSPLICE_JUMP_SIZE 5		/* e9 and a displacement */
#define KSPLICE_SHORT_JUMP_SIZE 2	/* eb and a displacement */
#define KSPLICE_MARK_SIZE 4		/* endbr64 */

/*
 * What this CPU has fetched already may be old bytes.  Inline: no function of the kernel is
 * called while the machine stands still.
 */
static __always_inline void ksplice_serialise(void)
{
	sync_core();
}

#endif
