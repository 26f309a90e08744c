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
noinline notrace __kprobes
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

static enum ksplice_cause cause_of(int error)
{
	switch (error) {
	case -EBUSY:		/* somebody else redirects it, or tracing is switched off */
	case -EAGAIN:		/* somebody is about to, or to stop */
		return KSPLICE_FTRACE_BUSY;
	case -ENODEV:		/* ftrace found something wrong, and stopped itself */
		return KSPLICE_FTRACE_OFF;
	case -ENOMEM:
		return KSPLICE_OUT_OF_MEMORY;
	default:
		return KSPLICE_UNEXPECTED;
	}
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
			return cause_of(ret);
		}
	}
	return KSPLICE_OK;
}

/*
 * Since ftrace has stopped itself it lets go of nothing: the handler may be called for
 * ever, and finds that its function is not live.
 */
static void keep_for_ever(struct ksplice_function *f, int error)
{
	if (f->kept)
		return;
	f->kept = true;
	__module_get(THIS_MODULE);
	pr_err("%s: ftrace does not let go of %s (%d): ksplice.ko must stay until the next boot\n",
	       f->update->id, f->name, error);
}

/* Those that are not live.  Returns when no handler of these functions runs any more. */
void ksplice_detach_ftrace(struct ksplice_update *update)
{
	struct ksplice_function *f;
	int ret;

	list_for_each_entry(f, &update->functions, list) {
		if (!f->attached || f->live)
			continue;
		ret = unregister_ftrace_function(&f->ops);
		if (ret) {
			keep_for_ever(f, ret);
			continue;
		}
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
