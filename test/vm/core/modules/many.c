// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module with two hundred functions, for updates that replace many.
 */
#include <linux/module.h>
#include "many.h"

#define DEFINE(n) \
	static __attribute__((__noipa__)) int core_many_##n(int number) \
	{ \
		return number + n; \
	}
TWO_HUNDRED
#undef DEFINE

/* What all of them say together. */
static int sum_get(char *buf, const struct kernel_param *kp)
{
	int sum = 0;

#define DEFINE(n) sum += core_many_##n(0);
	TWO_HUNDRED
#undef DEFINE
	return scnprintf(buf, 32, "%d\n", sum);
}

static const struct kernel_param_ops sum_ops = { .get = sum_get };
module_param_cb(sum, &sum_ops, NULL, 0444);

MODULE_DESCRIPTION("Many functions to replace");
MODULE_LICENSE("GPL");
