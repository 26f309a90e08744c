// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow variables, for kernels without CONFIG_LIVEPATCH: data that new code attaches
 * to objects, found by the object's address and an id.  Each function behaves like the
 * function of the same name in kernel/livepatch/shadow.c; new code gets them under
 * those names from ksplice-shadow.h.
 *
 * New code may run anywhere, so the table is read under RCU and changed with
 * interrupts off.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "core.h"
/* The tests build this where the kernel has its own as well. */
#undef CONFIG_LIVEPATCH
#include "include/ksplice-shadow.h"

struct shadow {
	struct hlist_node node;
	struct rcu_head rcu;
	void *obj;
	unsigned long id;
	char data[] __aligned(__alignof__(unsigned long long));
};

static DEFINE_HASHTABLE(shadows, 10);
static DEFINE_SPINLOCK(shadow_lock);	/* for changes */

/* With the lock, or under RCU. */
static struct shadow *find_shadow(void *obj, unsigned long id)
{
	struct shadow *shadow;

	hash_for_each_possible_rcu(shadows, shadow, node, (unsigned long)obj,
				   lockdep_is_held(&shadow_lock)) {
		if (shadow->obj == obj && shadow->id == id)
			return shadow;
	}
	return NULL;
}

/* Returns the data, or NULL. */
void *ksplice_shadow_get(void *obj, unsigned long id)
{
	struct shadow *shadow;

	rcu_read_lock();
	shadow = find_shadow(obj, id);
	rcu_read_unlock();
	return shadow ? shadow->data : NULL;
}
EXPORT_SYMBOL_GPL(ksplice_shadow_get);

/*
 * Adds a shadow if the object has none with that id.  It is seen by others only
 * when the constructor is through.  Returns the one that is there then, and whether it
 * is the new one; NULL without memory, or if the constructor failed.
 */
static struct shadow *add_shadow(void *obj, unsigned long id, size_t size, gfp_t gfp,
				 klp_shadow_ctor_t ctor, void *ctor_data, bool *added)
{
	struct shadow *new, *shadow;
	unsigned long flags;
	int ret = 0;

	*added = false;
	new = kzalloc(struct_size(new, data, size), gfp);
	if (!new)
		return NULL;
	new->obj = obj;
	new->id = id;
	spin_lock_irqsave(&shadow_lock, flags);
	shadow = find_shadow(obj, id);
	if (!shadow && ctor)
		ret = ctor(obj, new->data, ctor_data);
	if (!shadow && !ret) {
		hash_add_rcu(shadows, &new->node, (unsigned long)obj);
		shadow = new;
		*added = true;
	}
	spin_unlock_irqrestore(&shadow_lock, flags);
	if (!*added)
		kfree(new);
	if (ret)
		pr_err("no shadow variable <%p, %lx>: its constructor returned %d\n", obj, id, ret);
	return shadow;
}

/* Returns the data of the new shadow; NULL also if there is one. */
void *ksplice_shadow_alloc(void *obj, unsigned long id, size_t size, gfp_t gfp,
			   klp_shadow_ctor_t ctor, void *ctor_data)
{
	bool added;
	struct shadow *shadow = add_shadow(obj, id, size, gfp, ctor, ctor_data, &added);

	if (WARN(shadow && !added, "duplicate shadow variable <%p, %lx>\n", obj, id))
		return NULL;
	return shadow ? shadow->data : NULL;
}
EXPORT_SYMBOL_GPL(ksplice_shadow_alloc);

/* Returns the data of the shadow that there is, or of a new one. */
void *ksplice_shadow_get_or_alloc(void *obj, unsigned long id, size_t size, gfp_t gfp,
				  klp_shadow_ctor_t ctor, void *ctor_data)
{
	void *data = ksplice_shadow_get(obj, id);
	struct shadow *shadow;
	bool added;

	if (data)
		return data;
	shadow = add_shadow(obj, id, size, gfp, ctor, ctor_data, &added);
	return shadow ? shadow->data : NULL;
}
EXPORT_SYMBOL_GPL(ksplice_shadow_get_or_alloc);

/* With the lock. */
static void remove_shadow(struct shadow *shadow, klp_shadow_dtor_t dtor)
{
	hash_del_rcu(&shadow->node);
	if (dtor)
		dtor(shadow->obj, shadow->data);
	kfree_rcu(shadow, rcu);
}

/* Does nothing if there is none. */
void ksplice_shadow_free(void *obj, unsigned long id, klp_shadow_dtor_t dtor)
{
	struct shadow *shadow;
	unsigned long flags;

	spin_lock_irqsave(&shadow_lock, flags);
	shadow = find_shadow(obj, id);
	if (shadow)
		remove_shadow(shadow, dtor);
	spin_unlock_irqrestore(&shadow_lock, flags);
}
EXPORT_SYMBOL_GPL(ksplice_shadow_free);

/* Of all objects. */
void ksplice_shadow_free_all(unsigned long id, klp_shadow_dtor_t dtor)
{
	struct shadow *shadow;
	struct hlist_node *next;
	unsigned long flags;
	int i;

	spin_lock_irqsave(&shadow_lock, flags);
	hash_for_each_safe(shadows, i, next, shadow, node) {
		if (shadow->id == id)
			remove_shadow(shadow, dtor);
	}
	spin_unlock_irqrestore(&shadow_lock, flags);
}
EXPORT_SYMBOL_GPL(ksplice_shadow_free_all);

/* No new code is there any more that could use one. */
void ksplice_shadow_exit(void)
{
	struct shadow *shadow;
	struct hlist_node *next;
	int i;

	hash_for_each_safe(shadows, i, next, shadow, node)
		kfree(shadow);
}
