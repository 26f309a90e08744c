/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls in patches for kpatch: the plain macros do here, since what the tracer knows
 * of a system call is not changed by a patch.
 */
#ifndef KSPLICE_KPATCH_SYSCALL_H
#define KSPLICE_KPATCH_SYSCALL_H

#include <linux/syscalls.h>

#define KPATCH_SYSCALL_DEFINE1 SYSCALL_DEFINE1
#define KPATCH_SYSCALL_DEFINE2 SYSCALL_DEFINE2
#define KPATCH_SYSCALL_DEFINE3 SYSCALL_DEFINE3
#define KPATCH_SYSCALL_DEFINE4 SYSCALL_DEFINE4
#define KPATCH_SYSCALL_DEFINE5 SYSCALL_DEFINE5
#define KPATCH_SYSCALL_DEFINE6 SYSCALL_DEFINE6

#endif
