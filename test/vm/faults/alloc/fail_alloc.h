/* SPDX-License-Identifier: GPL-2.0-only */
/* Goes into each file of the core: an allocation of its own fails where it is told to. */
#ifndef FAIL_ALLOC_H
#define FAIL_ALLOC_H

#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/string.h>

bool ksplice_test_fails(const char *func, const char *allocator);

#define FAILS(allocator) ksplice_test_fails(__func__, #allocator)
#define kmalloc(...) (FAILS(kmalloc) ? NULL : kmalloc(__VA_ARGS__))
#define kmalloc_array(...) (FAILS(kmalloc_array) ? NULL : kmalloc_array(__VA_ARGS__))
#define kcalloc(...) (FAILS(kcalloc) ? NULL : kcalloc(__VA_ARGS__))
#define kzalloc(...) (FAILS(kzalloc) ? NULL : kzalloc(__VA_ARGS__))
#define kstrdup(...) (FAILS(kstrdup) ? NULL : kstrdup(__VA_ARGS__))
#define kmemdup(...) (FAILS(kmemdup) ? NULL : kmemdup(__VA_ARGS__))
#define kvmalloc(...) (FAILS(kvmalloc) ? NULL : kvmalloc(__VA_ARGS__))
#define kvmalloc_array(...) (FAILS(kvmalloc_array) ? NULL : kvmalloc_array(__VA_ARGS__))
#define kvcalloc(...) (FAILS(kvcalloc) ? NULL : kvcalloc(__VA_ARGS__))
#define kvzalloc(...) (FAILS(kvzalloc) ? NULL : kvzalloc(__VA_ARGS__))

#endif
