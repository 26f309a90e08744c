/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernel versions and configurations, in one place.
 */
#ifndef KSPLICE_COMPAT_H
#define KSPLICE_COMPAT_H

#include <linux/ftrace.h>
#include <linux/kallsyms.h>
#include <linux/version.h>

#if !defined(CONFIG_X86_64) || !defined(CONFIG_SMP)
#error "ksplice needs an SMP kernel for x86-64"
#endif
#if !defined(CONFIG_UNWINDER_ORC)
#error "ksplice needs a kernel with CONFIG_UNWINDER_ORC"
#endif
#if defined(CONFIG_FUNCTION_TRACER) && !defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
#error "where there is CONFIG_FUNCTION_TRACER, ksplice needs CONFIG_DYNAMIC_FTRACE"
#endif

/* Without function tracing no function begins with a call to it. */
#ifndef MCOUNT_INSN_SIZE
#define MCOUNT_INSN_SIZE 0
#endif

/* Its name until 6.2. */
#ifdef ftrace_instruction_pointer_set
#define ftrace_regs_set_instruction_pointer ftrace_instruction_pointer_set
#endif

/*
 * Since 6.4 module_kallsyms_on_each_symbol() goes through one module, or all
 * with NULL, and does not tell which; before, it went through all.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define KSPLICE_EACH_SYMBOL_TELLS_MODULE 1
#else
#define KSPLICE_EACH_SYMBOL_TELLS_MODULE 0
#endif

#endif
