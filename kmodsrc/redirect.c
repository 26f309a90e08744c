// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that an ftrace handler redirects, because the jump cannot be
 * written: see site.c.  Where the kernel has no function tracing there are none.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/slab.h>
#include "core.h"
#include "compat.h"

#ifdef CONFIG_FUNCTION_TRACER

struct ksplice_handler {
	struct ftrace_ops ops;
	unsigned long leads_to;		/* the new code */
	bool live;
};

static void notrace redirect(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			     struct ftrace_regs *fregs)
{
	struct ksplice_handler *handler = container_of(ops, struct ksplice_handler, ops);

	if (READ_ONCE(handler->live))
		ftrace_regs_set_instruction_pointer(fregs, READ_ONCE(handler->leads_to));
}

/*
 * Only one handler may redirect a function: the one that was there first, of an
 * update below.  NULL if there is none.
 */
static __always_inline struct ksplice_handler *handler_below(const struct ksplice_function *f)
{
	struct ksplice_function *below;

	for (below = f->below; below; below = below->below)
		if (below->handler)
			return below->handler;
	return NULL;
}

/*
 * During the switch.  A function may run in an NMI, which goes on then: of a handler that it
 * has to its end one word is written.
 */
noinline notrace __kprobes void ksplice_redirect(struct ksplice_function *f, bool undo)
{
	struct ksplice_handler *handler = f->handler;

	if (f->inherits) {
		WRITE_ONCE(f->inherits->handler->leads_to, f->new);
	} else if (handler && !f->has_heir) {
		WRITE_ONCE(handler->live, !undo);
	} else if (!handler) {
		handler = handler_below(f);
		WRITE_ONCE(handler->leads_to, undo ? f->below->new : f->new);
	}
}

static int attach(struct ksplice_function *f)
{
	struct ksplice_handler *handler = kzalloc(sizeof(*handler), GFP_KERNEL);
	int ret;

	if (!handler)
		return -ENOMEM;
	handler->leads_to = f->new;
	handler->ops.func = redirect;
	handler->ops.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT;
	ret = ftrace_set_filter_ip(&handler->ops, f->ftrace_site, 0, 0);
	if (!ret)
		ret = register_ftrace_function(&handler->ops);
	if (!ret) {
		f->handler = handler;
		return 0;
	}
	ftrace_free_filter(&handler->ops);
	kfree(handler);
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

/* The one whose handler a function takes over: of an update that gives way to its own. */
static struct ksplice_function *find_predecessor(const struct ksplice_function *f)
{
	struct ksplice_function *other;

	list_for_each_entry(other, &ksplice_switched, switched)
		if (other->update->gives_way_to == f->update && other->handler &&
		    other->ftrace_site == f->ftrace_site)
			return other;
	return NULL;
}

/* The handlers do nothing until the functions are live. */
enum ksplice_cause ksplice_attach_ftrace(struct ksplice_update *update)
{
	struct ksplice_function *f;
	int ret;

	list_for_each_entry(f, &update->functions, list) {
		if (!f->by_ftrace || f->live || handler_below(f))
			continue;
		f->inherits = find_predecessor(f);
		if (f->inherits) {
			f->inherits->has_heir = true;
			continue;
		}
		ret = attach(f);
		if (ret) {
			pr_info("%s: ftrace cannot redirect %s: %d\n", update->id, f->name, ret);
			ksplice_detach_ftrace(update);
			return cause_of(ret);
		}
	}
	return KSPLICE_OK;
}

/* After the switch: what is inherited belongs to the heir. */
void ksplice_pass_handlers(struct ksplice_update *update)
{
	struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list) {
		if (!f->inherits)
			continue;
		f->handler = f->inherits->handler;
		f->inherits->handler = NULL;
		f->inherits->has_heir = false;
		f->inherits = NULL;
	}
}

/*
 * Since ftrace has stopped itself it lets go of nothing: the handler may be called for
 * ever, and finds that it is not live.
 */
static void keep_for_ever(struct ksplice_function *f, int error)
{
	__module_get(THIS_MODULE);
	pr_err("%s: ftrace does not let go of %s (%d): ksplice.ko must stay until the next boot\n",
	       f->update->id, f->name, error);
}

static void detach(struct ksplice_function *f)
{
	int ret;

	/* Of a module that goes the function was never switched back. */
	WRITE_ONCE(f->handler->live, false);
	ret = unregister_ftrace_function(&f->handler->ops);
	if (ret) {
		keep_for_ever(f, ret);
	} else {
		ftrace_free_filter(&f->handler->ops);
		kfree(f->handler);
	}
	f->handler = NULL;
}

/* Those that are not live.  Returns when no handler of these functions runs any more. */
void ksplice_detach_ftrace(struct ksplice_update *update)
{
	struct ksplice_function *f;

	list_for_each_entry(f, &update->functions, list) {
		if (f->inherits)
			f->inherits->has_heir = false;
		f->inherits = NULL;
		if (f->handler && !f->live)
			detach(f);
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

void ksplice_pass_handlers(struct ksplice_update *update)
{
}

void ksplice_redirect(struct ksplice_function *f, bool undo)
{
}

#endif
