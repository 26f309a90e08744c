// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks up the kernel's symbols that kernel.h lists, and evens out those that
 * differ from version to version.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include "kernel.h"

#ifdef CONFIG_X86_KERNEL_IBT

int ksplice_find_kernel_symbols(void)
{
	return 0;
}

#else

/* What the configuration leaves out is in the headers, and does nothing. */
struct ksplice_kernel ksplice_kernel __ro_after_init = {
#ifndef CONFIG_DYNAMIC_FTRACE
	.ftrace_location = ftrace_location,
#endif
#ifndef CONFIG_HAVE_STATIC_CALL_INLINE
	.static_call_text_reserved = static_call_text_reserved,
#endif
#ifndef CONFIG_JUMP_LABEL
	.jump_label_lock = jump_label_lock,
	.jump_label_text_reserved = jump_label_text_reserved,
	.jump_label_unlock = jump_label_unlock,
#endif
#ifndef CONFIG_KPROBES
	.get_kprobe = get_kprobe,
#endif
#ifndef CONFIG_PERF_EVENTS
	.perf_event_text_poke = perf_event_text_poke,
#endif
};

struct wanted {
	const char *name;
	void *pointer;		/* to the pointer to set */
};

#define WANT(symbol) { #symbol, &ksplice_kernel.symbol }

static const struct wanted wanted[] __initconst = {
#if KSPLICE_HAS_LOCK_PREFIXES
	WANT(alternatives_text_reserved),
#endif
	WANT(find_module),
	WANT(ftrace_location),
	WANT(get_kprobe),
	WANT(idle_task),
	WANT(jump_label_lock),
	WANT(jump_label_text_reserved),
	WANT(jump_label_unlock),
	WANT(kallsyms_lookup_size_offset),
#ifdef CONFIG_LIVEPATCH
	WANT(klp_mutex),
	WANT(klp_patches),
#endif
#ifdef CONFIG_KPROBES
	WANT(kprobe_mutex),
#endif
	WANT(kallsyms_show_value),
	WANT(module_kallsyms_on_each_symbol),
	WANT(perf_event_text_poke),
	WANT(put_task_stack),
	WANT(static_call_text_reserved),
	WANT(stop_machine_cpuslocked),
	WANT(text_mutex),
#ifdef CONFIG_KPROBES
	WANT(within_kprobe_blacklist),
#else
	WANT(__entry_text_start),
	WANT(__entry_text_end),
	WANT(__noinstr_text_start),
	WANT(__noinstr_text_end),
#endif
};

struct found {
	unsigned long address;
	unsigned int count;
};

static int note_address(void *data, unsigned long address)
{
	struct found *found = data;

	found->address = address;
	found->count++;
	return 0;
}

/* A name that two symbols have is as useless as one that none has. */
static bool __init find_only(const struct wanted *want)
{
	struct found found = {};

	if (*(void **)want->pointer)
		return true;
	ksplice_kernel.kallsyms_on_each_match_symbol(note_address, want->name, &found);
	if (found.count != 1) {
		pr_err("this kernel has %u symbols %s instead of one\n", found.count, want->name);
		return false;
	}
	memcpy(want->pointer, &found.address, sizeof(found.address));
	return true;
}

int __init ksplice_find_kernel_symbols(void)
{
	bool complete = true;
	unsigned int i;

	ksplice_kernel.kallsyms_on_each_match_symbol =
		(void *)kallsyms_lookup_name("kallsyms_on_each_match_symbol");
	if (!ksplice_kernel.kallsyms_on_each_match_symbol) {
		pr_err("this kernel has no symbol kallsyms_on_each_match_symbol\n");
		return -ENOENT;
	}
	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!find_only(&wanted[i]))
			complete = false;
	return complete ? 0 : -ENOENT;
}

#endif

struct visit {
	ksplice_symbol_fn fn;
	const char *target;
	void *data;
};

#if KSPLICE_EACH_SYMBOL_TELLS_MODULE

static int visit_symbol(void *data, const char *name, struct module *mod, unsigned long address)
{
	struct visit *v = data;

	return v->fn(v->data, name, !strcmp(mod->name, v->target), address);
}

int ksplice_each_module_symbol(ksplice_symbol_fn fn, const char *target, void *data)
{
	struct visit visit = { fn, target, data };

	return KERNEL(module_kallsyms_on_each_symbol)(visit_symbol, &visit);
}

#else

static int visit_target(void *data, const char *name, unsigned long address)
{
	struct visit *v = data;

	return v->fn(v->data, name, true, address);
}

static int visit_other(void *data, const char *name, unsigned long address)
{
	struct visit *v = data;

	return v->fn(v->data, name, false, address);
}

/* The target's symbols come twice, and first as what they are. */
int ksplice_each_module_symbol(ksplice_symbol_fn fn, const char *target, void *data)
{
	struct visit visit = { fn, target, data };
	int ret;

	ret = KERNEL(module_kallsyms_on_each_symbol)(target, visit_target, &visit);
	if (ret)
		return ret;
	return KERNEL(module_kallsyms_on_each_symbol)(NULL, visit_other, &visit);
}

#endif
