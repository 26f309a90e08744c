// SPDX-License-Identifier: GPL-2.0-only
/* One allocation fails, the first at the place that the parameter names. */
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include "fail_alloc.h"

static char fail_at[64];
module_param_string(fail_at, fail_at, sizeof(fail_at), 0600);

bool ksplice_test_fails(const char *func, const char *allocator)
{
	char place[64];

	snprintf(place, sizeof(place), "%s:%s", func, allocator);
	if (!*fail_at)
		pr_info("allocates: %s\n", place);
	if (strcmp(place, fail_at))
		return false;
	strscpy(fail_at, "done", sizeof(fail_at));
	return true;
}
