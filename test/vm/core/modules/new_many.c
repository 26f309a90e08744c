// SPDX-License-Identifier: GPL-2.0-only
/*
 * What takes the place of functions in many.c.
 */
#include <linux/kernel.h>
#include "many.h"

#define DEFINE(n) \
	int new_core_many_##n(int number); \
	int new_core_many_##n(int number) \
	{ \
		return number + 1000 + n; \
	}
TWO_HUNDRED
