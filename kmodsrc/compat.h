/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernel versions and configurations, in one place.
 */
#ifndef KSPLICE_COMPAT_H
#define KSPLICE_COMPAT_H

#include <linux/ftrace.h>
#include <linux/kallsyms.h>
#include <linux/sysfs.h>
#include <linux/version.h>
#include <asm/alternative.h>

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

/*
 * Since 6.9 Tasks RCU does not wait for a task that sleeps while it exits.  Series that may have got
 * this change later do not count either.  A kernel without it has ordinary grace periods in its
 * place, which wait for nobody who sleeps.
 */
#define KSPLICE_TASKS_RCU_WAITS_FOR_EXIT \
	(IS_ENABLED(CONFIG_TASKS_RCU) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0))

/*
 * Kernels that could be told to run on one processor have a table of lock prefixes, which
 * are rewritten then.  Newer ones have not.
 */
#ifdef LOCK_PREFIX_HERE
#define KSPLICE_HAS_LOCK_PREFIXES 1
#else
#define KSPLICE_HAS_LOCK_PREFIXES 0
#endif

/* In newer kernels what sysfs knows of a file of bytes is const; its own declarations tell. */
typedef typeof(_Generic(((struct bin_attribute *)NULL)->read,
	ssize_t (*)(struct file *, struct kobject *, const struct bin_attribute *, char *,
		    loff_t, size_t): (const struct bin_attribute *)NULL,
	default: (struct bin_attribute *)NULL)) ksplice_bin_attribute;
typedef typeof(*((struct attribute_group *)NULL)->bin_attrs) ksplice_listed_bin_attribute;

#endif
