// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uses the core's shadow variables, where the kernel has some as well. Loading it fails with
 * the number of the first line in the kernel log that does not hold.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/smp.h>
#undef CONFIG_LIVEPATCH
#include "ksplice-shadow.h"

#define ID 0x4b53
#define OTHER_ID 0x4b54
#define OBJECTS 64

struct data {
	void *obj;
	int value;
	char zeros[32];
};

static int objects[OBJECTS];
static atomic_t made = ATOMIC_INIT(0);
static atomic_t destroyed = ATOMIC_INIT(0);

static int construct(void *obj, void *shadow_data, void *ctor_data)
{
	struct data *data = shadow_data;

	if (!ctor_data)
		return -EINVAL;
	atomic_inc(&made);
	data->obj = obj;
	data->value = *(int *)ctor_data;
	return 0;
}

static void destroy(void *obj, void *shadow_data)
{
	struct data *data = shadow_data;

	if (data->obj == obj)
		atomic_inc(&destroyed);
}

static struct data *get_or_alloc(void *obj, unsigned long id, int value)
{
	return klp_shadow_get_or_alloc(obj, id, sizeof(struct data), GFP_ATOMIC, construct,
				       &value);
}

static void on_each(void *unused)
{
	int i;

	for (i = 0; i < OBJECTS; i++)
		get_or_alloc(&objects[i], ID, i);
}

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			pr_err("core_shadow: line %d: %s\n", __LINE__, #condition); \
			return -EINVAL; \
		} \
	} while (0)

static int __init shadow_init(void)
{
	int one = 1, i;
	struct data *data;

	CHECK(!klp_shadow_get(&objects[0], ID));
	data = klp_shadow_alloc(&objects[0], ID, sizeof(*data), GFP_KERNEL, construct, &one);
	CHECK(data && data->obj == &objects[0] && data->value == 1);
	CHECK(!memchr_inv(data->zeros, 0, sizeof(data->zeros)));
	CHECK(klp_shadow_get(&objects[0], ID) == data);
	CHECK(get_or_alloc(&objects[0], ID, 2) == data && data->value == 1);

	/* Another id, or another object, is another one. */
	CHECK(!klp_shadow_get(&objects[0], OTHER_ID));
	CHECK(!klp_shadow_get(&objects[1], ID));
	CHECK(get_or_alloc(&objects[0], OTHER_ID, 3)->value == 3);
	CHECK(klp_shadow_get(&objects[0], ID) == data);

	/* A constructor that fails leaves nothing. */
	CHECK(!klp_shadow_alloc(&objects[1], ID, sizeof(*data), GFP_KERNEL, construct, NULL));
	CHECK(!klp_shadow_get(&objects[1], ID));

	klp_shadow_free(&objects[0], ID, destroy);
	CHECK(atomic_read(&destroyed) == 1);
	CHECK(!klp_shadow_get(&objects[0], ID));
	CHECK(klp_shadow_get(&objects[0], OTHER_ID));
	klp_shadow_free(&objects[0], ID, destroy);
	CHECK(atomic_read(&destroyed) == 1);

	/* All CPUs want the same ones: each is made once. */
	atomic_set(&made, 0);
	on_each_cpu(on_each, NULL, true);
	CHECK(atomic_read(&made) == OBJECTS);
	for (i = 0; i < OBJECTS; i++) {
		data = klp_shadow_get(&objects[i], ID);
		CHECK(data && data->obj == &objects[i] && data->value == i);
	}
	atomic_set(&destroyed, 0);
	klp_shadow_free_all(ID, destroy);
	CHECK(atomic_read(&destroyed) == OBJECTS);
	for (i = 0; i < OBJECTS; i++)
		CHECK(!klp_shadow_get(&objects[i], ID));

	/* This one is left to the core. */
	CHECK(klp_shadow_get(&objects[0], OTHER_ID));
	return 0;
}

static void __exit shadow_exit(void)
{
}

module_init(shadow_init);
module_exit(shadow_exit);
MODULE_DESCRIPTION("Uses the shadow variables of the core");
MODULE_LICENSE("GPL");
