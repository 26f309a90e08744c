/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/linkage.h>
#include <asm/unwind_hints.h>
#include <asm/nospec-branch.h>

#ifdef UNWIND_HINT_END_OF_STACK
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
