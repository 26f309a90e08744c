/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/linkage.h>
#include <linux/version.h>
#include <asm/unwind_hints.h>
#include <asm/nospec-branch.h>

/* Both are macros of the assembler: the preprocessor cannot ask for them. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define END UNWIND_HINT_END_OF_STACK
#else
#define END UNWIND_HINT_EMPTY
#endif

/* int core_hide(int (*fn)(void)) */
SYM_CODE_START(core_hide)
	END
	push	%rbx
	ANNOTATE_RETPOLINE_SAFE
	call	*%rdi
	END
	pop	%rbx
	ANNOTATE_UNRET_SAFE
	ret
	int3
SYM_CODE_END(core_hide)
