// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core as one unit for the compiler.  Reading the kernel's headers takes it
 * longer than all of our code, and so it reads them once.
 *
 * Names that are static to a file, and macros, must differ between the files.  The
 * kernel's headers come first, so that no macro of a file is in their way.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/bitmap.h>
#include <linux/capability.h>
#include <linux/completion.h>
#include <linux/cpuhotplug.h>
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/freezer.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/jump_label.h>
#include <linux/kmod.h>
#include <linux/kthread.h>
#include <linux/livepatch.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/perf_event.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/sync_core.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/umh.h>
#include <linux/vmalloc.h>
#include <asm/unwind.h>
#include "core.h"
#include "kernel.h"
#include "compat.h"
#include "match.h"

#include "core.c"
#include "register.c"
#include "root.c"
#include "attributes.c"
#include "sysfs.c"
#include "kernel.c"
#include "arch/x86.c"
#include "check.c"
#include "compare.c"
#include "operands.c"
#include "match.c"
#include "symbols.c"
#include "target.c"
#include "functions.c"
#include "switch.c"
#include "write.c"
#include "site.c"
#include "redirect.c"
#include "stacks.c"
#include "walk.c"
#include "cpus.c"
#include "grace.c"
#include "busy.c"
#include "livepatch.c"
#include "stacking.c"
#include "replace.c"
#include "hooks.c"
#include "constants.c"
#include "awaited.c"
#include "late.c"

/* KSPLICE_COUNT_STACKS=y: there as well, for tests. */
#if defined(CONFIG_TRACEPOINTS) && !defined(KSPLICE_COUNT_STACKS)
#include "exiting.c"
#else
#include "hidden.c"
#endif

#ifdef CONFIG_JUMP_LABEL
#include "sealed.c"
#endif
