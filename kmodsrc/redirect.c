// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that an ftrace handler redirects, because the jump cannot be
 * written: see site.c.  Where the kernel has no function tracing there are none.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include "core.h"
#include "compat.h"

#ifdef CONFIG_FUNCTION_TRACER

/*
 * Only one handler may redirect a function: the one that was there first, of an
 * update below.  NULL if there is none.
 */
struct ksplice_function *ksplice_handler_below(const struct ksplice_function *f)
{
	struct ksplice_function *below;

	for (below = f->below; below; below = below->below)
		if (below->attached)
			return below;
	return NULL;
}

static void notrace redirect(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			     struct ftrace_regs *fregs)
{
	struct ksplice_function *f = container_of(ops, struct ksplice_function, ops);

	if (READ_ONCE(f->live))
		ftrace_regs_set_instruction_pointer(fregs, READ_ONCE(f->leads_to));
}

static int attach(struct ksplice_function *f)
{
	int ret;

	f->leads_to = f->new;
	memset(&f->ops, 0, sizeof(f->ops));
	f->ops.func = redirect;
	f->ops.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT;
	ret = ftrace_set_filter_ip(&f->ops, f->ftrace_site, 0, 0);
	if (!ret)
		ret = register_ftrace_function(&f->ops);
	if (ret)
		ftrace_free_filter(&f->ops);
	else
		f->attached = true;
	return ret;
}

/* The handlers do nothing until the functions are live. */
enum ksplice_cause ksplice_attach_ftrace(struct ksplice_update *update)
{
	struct ksplice_function *f;
	int ret;

	list_for_each_entry(f, &update->functions, list) {
		if (!f->by_ftrace || f->live || ksplice_handler_below(f))
			continue;
		ret = attach(f);
		if (ret) {
			pr_info("%s: ftrace cannot redirect %s: %d\n", update->id, f->name, ret);
			ksplice_detach_ftrace(update);
			return KSPLICE_RESERVED_TEXT;
		}
	}
	return KSPLICE_OK;
}

/* Those that are not live.  Returns when no handler of these functions runs any more. */
void ksplice_detach_ftrace(struct ksplice_update *update)
{
	struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list) {
		if (!f->attached || f->live)
			continue;
		unregister_ftrace_function(&f->ops);
		ftrace_free_filter(&f->ops);
		f->attached = false;
	}
}

#else

enum ksplice_cause ksplice_attach_ftrace(struct ksplice_update *update)
{
	return KSPLICE_OK;
}

void ksplice_detach_ftrace(struct ksplice_update *update)
{
}

struct ksplice_function *ksplice_handler_below(const struct ksplice_function *f)
{
	return NULL;
}

#endif
