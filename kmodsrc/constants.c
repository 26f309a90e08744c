// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operands that the kernel fills in when it boots (asm/runtime-const.h), in new code.
 *
 * The compiler leaves a mark in such an instruction, and init code writes what
 * a variable has by then over it, once, in the kernel's own code.  In new code nobody
 * does.  The variable does not change any more, so the same is done here.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/smp.h>
#include <asm/sync_core.h>
#include "core.h"
#include "kernel.h"

#define SHIFT_MARK 12
#define MASK_MARK 0x12345678

/* What is to be at the place, if the compiler's mark is there now and the value can be. */
static bool find_value(const struct ksplice_constant *constant, u32 *value)
{
	u32 mask;

	if (copy_from_kernel_nofault(value, constant->variable, sizeof(*value)))
		return false;
	if (constant->width == 1)
		return *(const u8 *)constant->place == SHIFT_MARK && *value < 32;
	memcpy(&mask, constant->place, sizeof(mask));
	return constant->width == sizeof(mask) && mask == MASK_MARK;
}

static int fill_in(const struct ksplice_new_code *code, const struct ksplice_constant *constant)
{
	unsigned long place = (unsigned long)constant->place;
	u32 value;

	if (!within_module(place, code->owner) || !find_value(constant, &value)) {
		pr_err("%s: no constant %ps is at %pS\n", code->id, constant->variable,
		       constant->place);
		return -EINVAL;
	}
	if (ksplice_is_probed(place, constant->width)) {
		pr_err("%s: a kprobe is at %pS\n", code->id, constant->place);
		return -EBUSY;
	}
	return ksplice_write_text(place, &value, constant->width);
}

static void serialise_filled(void *unused)
{
	sync_core();
}

/* Before the new code is known to anybody.  If it fails, that must not be used. */
int ksplice_settle_constants(const struct ksplice_new_code *code)
{
	unsigned int i;
	int ret = 0;

	/* Nobody else writes to these bytes. */
	ksplice_lock_kprobes();
	for (i = 0; i < code->n_constants && !ret; i++)
		ret = fill_in(code, &code->constants[i]);
	ksplice_unlock_kprobes();
	/* Hooks of the new code run before the switch, in which all CPUs do this. */
	if (code->n_constants)
		on_each_cpu(serialise_filled, NULL, 1);
	return ret;
}
