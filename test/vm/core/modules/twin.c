// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include "target.h"

static noinline int core_twin(char *buf)
{
	return scnprintf(buf, 32, "old twin\n");
}

int call_other_twin(char *buf)
{
	return core_twin(buf);
}
