/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shadow variables: data that a patch attaches to objects whose structure has no
 * room for it.  create puts this file on the include path of the patched source:
 *
 *	#include "ksplice-shadow.h"
 *
 *	lock = klp_shadow_get_or_alloc(table, LOCK_ID, sizeof(*lock), GFP_ATOMIC,
 *				       init_lock, NULL);
 *
 * They are the kernel's where it has CONFIG_LIVEPATCH, and the ksplice core's where not,
 * under the same names.  What is left when the core is unloaded is freed then.
 */
#ifndef KSPLICE_SHADOW_H
#define KSPLICE_SHADOW_H

#ifdef CONFIG_LIVEPATCH
#include <linux/livepatch.h>
#else
#include <linux/types.h>

/* Those of the core's shadow.c. */
typedef int (*klp_shadow_ctor_t)(void *obj, void *shadow_data, void *ctor_data);
typedef void (*klp_shadow_dtor_t)(void *obj, void *shadow_data);

void *ksplice_shadow_get(void *obj, unsigned long id);
void *ksplice_shadow_alloc(void *obj, unsigned long id, size_t size, gfp_t gfp,
			   klp_shadow_ctor_t ctor, void *ctor_data);
void *ksplice_shadow_get_or_alloc(void *obj, unsigned long id, size_t size, gfp_t gfp,
				  klp_shadow_ctor_t ctor, void *ctor_data);
void ksplice_shadow_free(void *obj, unsigned long id, klp_shadow_dtor_t dtor);
void ksplice_shadow_free_all(unsigned long id, klp_shadow_dtor_t dtor);

#define klp_shadow_get ksplice_shadow_get
#define klp_shadow_alloc ksplice_shadow_alloc
#define klp_shadow_get_or_alloc ksplice_shadow_get_or_alloc
#define klp_shadow_free ksplice_shadow_free
#define klp_shadow_free_all ksplice_shadow_free_all
#endif

#endif
