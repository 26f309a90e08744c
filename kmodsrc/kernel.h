/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core uses of the kernel although it is not exported to modules.
 *
 * ksplice.ko refers to kallsyms_lookup_name() alone, by a livepatch relocation
 * that the module loader resolves; the rest is looked up when the core is
 * loaded.  (The loader of 6.1 searches all of kallsyms for each such
 * relocation, which takes seconds where there are many.)
 *
 * With indirect branch tracking a function that only direct calls reach may
 * have lost its ENDBR, and a call through a pointer would be fatal.  There, all
 * are livepatch relocations, and the calls direct.
 */
#ifndef KSPLICE_KERNEL_H
#define KSPLICE_KERNEL_H

#include <linux/cpu.h>
#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/memory.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/sched/task_stack.h>
#include <linux/static_call.h>
#include <linux/stop_machine.h>
#include <asm/alternative.h>
#include <asm/sections.h>
#include <asm/text-patching.h>
#include "compat.h"

/* These are in no header that a module can include. */
extern struct mutex kprobe_mutex;
struct task_struct *idle_task(int cpu);
extern struct mutex klp_mutex;
extern struct list_head klp_patches;

#ifdef CONFIG_X86_KERNEL_IBT
#define KERNEL(symbol) symbol
#else
struct ksplice_kernel {
#if KSPLICE_HAS_LOCK_PREFIXES
	typeof(alternatives_text_reserved) *alternatives_text_reserved;
#endif
	typeof(find_module) *find_module;
	typeof(ftrace_location) *ftrace_location;
	typeof(get_kprobe) *get_kprobe;
	typeof(idle_task) *idle_task;
	typeof(jump_label_lock) *jump_label_lock;
	typeof(jump_label_text_reserved) *jump_label_text_reserved;
	typeof(jump_label_unlock) *jump_label_unlock;
	typeof(kallsyms_lookup_size_offset) *kallsyms_lookup_size_offset;
	typeof(kallsyms_on_each_match_symbol) *kallsyms_on_each_match_symbol;
#ifdef CONFIG_LIVEPATCH
	typeof(klp_mutex) *klp_mutex;
	typeof(klp_patches) *klp_patches;
#endif
#ifdef CONFIG_KPROBES
	typeof(kprobe_mutex) *kprobe_mutex;
#endif
	typeof(kallsyms_show_value) *kallsyms_show_value;
	typeof(module_kallsyms_on_each_symbol) *module_kallsyms_on_each_symbol;
	typeof(perf_event_text_poke) *perf_event_text_poke;
	typeof(put_task_stack) *put_task_stack;
	typeof(static_call_text_reserved) *static_call_text_reserved;
	typeof(stop_machine_cpuslocked) *stop_machine_cpuslocked;
	typeof(text_mutex) *text_mutex;
#ifdef CONFIG_KPROBES
	typeof(within_kprobe_blacklist) *within_kprobe_blacklist;
#else
	typeof(__entry_text_start) *__entry_text_start;
	typeof(__entry_text_end) *__entry_text_end;
	typeof(__noinstr_text_start) *__noinstr_text_start;
	typeof(__noinstr_text_end) *__noinstr_text_end;
#endif
};

extern struct ksplice_kernel ksplice_kernel;
#define KERNEL(symbol) (*ksplice_kernel.symbol)
#endif

#ifdef CONFIG_KPROBES
static inline void ksplice_lock_kprobes(void)
{
	mutex_lock(&KERNEL(kprobe_mutex));
}

static inline void ksplice_unlock_kprobes(void)
{
	mutex_unlock(&KERNEL(kprobe_mutex));
}

/* Code that runs in an NMI, while a breakpoint is handled, or before the kernel is all there. */
static inline bool ksplice_is_no_probe_text(unsigned long address)
{
	return KERNEL(within_kprobe_blacklist)(address);
}
#else
static inline void ksplice_lock_kprobes(void)
{
}

static inline void ksplice_unlock_kprobes(void)
{
}

/* NOKPROBE_SYMBOL() leaves nothing behind here; there are the sections. */
static inline bool ksplice_is_no_probe_text(unsigned long address)
{
	return (address >= (unsigned long)KERNEL(__entry_text_start) &&
		address < (unsigned long)KERNEL(__entry_text_end)) ||
	       (address >= (unsigned long)KERNEL(__noinstr_text_start) &&
		address < (unsigned long)KERNEL(__noinstr_text_end));
}
#endif

/*
 * A probe may keep a copy of the instructions from its own on that the five bytes of a jump
 * take, and run that.  For who has locked kprobes.
 */
static inline bool ksplice_is_probed(unsigned long start, unsigned long length)
{
	unsigned long at;

	for (at = start - 4; at < start + length; at++)
		if (KERNEL(get_kprobe)((void *)at))
			return true;
	return false;
}

/* Whether the kernel may rewrite a lock prefix from first on; end is not part of it. */
static inline bool ksplice_has_lock_prefix(void *first, void *end)
{
#if KSPLICE_HAS_LOCK_PREFIXES
	return KERNEL(alternatives_text_reserved)(first, end);
#else
	return false;
#endif
}

/* Returns 0, or -ENOENT with a message if this kernel lacks a symbol. */
int ksplice_find_kernel_symbols(void);

typedef int (*ksplice_symbol_fn)(void *data, const char *name, bool in_target,
				 unsigned long address);

/* Goes through the symbols of all modules, until fn returns an error. */
int ksplice_each_module_symbol(ksplice_symbol_fn fn, const char *target, void *data);

#endif
