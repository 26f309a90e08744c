/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names that patches for kpatch use.  docs/coming-from-kpatch.md says what each means here.
 */
#ifndef KSPLICE_KPATCH_MACROS_H
#define KSPLICE_KPATCH_MACROS_H

#include <linux/printk.h>
#include <linux/static_call.h>
#include "ksplice-callbacks.h"
#include "kpatch-syscall.h"

typedef struct klp_object patch_object;

#define KPATCH_PRE_PATCH_CALLBACK(fn) KSPLICE_PRE_PATCH(fn)
#define KPATCH_POST_PATCH_CALLBACK(fn) KSPLICE_POST_PATCH(fn)
#define KPATCH_PRE_UNPATCH_CALLBACK(fn) KSPLICE_PRE_UNPATCH(fn)
#define KPATCH_POST_UNPATCH_CALLBACK(fn) KSPLICE_POST_UNPATCH(fn)

/* create reads these sections, and reports each case in which it does not behave like kpatch. */
#define KSPLICE_KPATCH_NAME(kind, id, value)			\
	static const void *const id				\
	__attribute__((__used__, __section__(".kpatch." kind))) = value

#define KPATCH_IGNORE_SECTION(name)				\
	KSPLICE_KPATCH_NAME("ignore.sections", __UNIQUE_ID(kpatch_ignore_section_), name)
#define KPATCH_IGNORE_FUNCTION(fn)				\
	KSPLICE_KPATCH_NAME("ignore.functions", kpatch_ignore_##fn, fn)
#define KPATCH_FORCE_UNSAFE(fn)					\
	KSPLICE_KPATCH_NAME("force", kpatch_force_##fn, fn)

/* Static calls and messages need nothing special here. */
#define KPATCH_STATIC_CALL(name) static_call(name)
#define KPATCH_PRINTK(format, ...) ({ printk(format, ##__VA_ARGS__); })
#define KPATCH_PRINTK_DEFERRED(format, ...) ({ printk_deferred(format, ##__VA_ARGS__); })

#endif
