/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names that patches for klp-build use.  It stands before the kernel's file of this name,
 * where there is one: that makes objects for another tool.
 */
#ifndef KSPLICE_LIVEPATCH_HELPERS_H
#define KSPLICE_LIVEPATCH_HELPERS_H

#include <linux/static_call.h>
#include <linux/syscalls.h>
#include "../../ksplice-callbacks.h"

#define KLP_PRE_PATCH_CALLBACK(fn) KSPLICE_PRE_PATCH(fn)
#define KLP_POST_PATCH_CALLBACK(fn) KSPLICE_POST_PATCH(fn)
#define KLP_PRE_UNPATCH_CALLBACK(fn) KSPLICE_PRE_UNPATCH(fn)
#define KLP_POST_UNPATCH_CALLBACK(fn) KSPLICE_POST_UNPATCH(fn)

#define KLP_STATIC_CALL(name) static_call(name)

#define KLP_SYSCALL_DEFINE1 SYSCALL_DEFINE1
#define KLP_SYSCALL_DEFINE2 SYSCALL_DEFINE2
#define KLP_SYSCALL_DEFINE3 SYSCALL_DEFINE3
#define KLP_SYSCALL_DEFINE4 SYSCALL_DEFINE4
#define KLP_SYSCALL_DEFINE5 SYSCALL_DEFINE5
#define KLP_SYSCALL_DEFINE6 SYSCALL_DEFINE6

#endif
