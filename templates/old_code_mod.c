// SPDX-License-Identifier: GPL-2.0-only
/*
 * Old code of update @ID@ for @TARGET@: the match program, which tells the
 * core what the running kernel must hold where the update replaces code.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include "ksplice.h"

/* The section's name is how the tool finds the program in this module's file. */
asm(".pushsection .ksplice.program, \"a\", @progbits\n"
    "	.balign 8\n"
    "ksplice_program:\n"
    "	.incbin \"@PROGRAM_FILE@\"\n"
    "ksplice_program_end:\n"
    "	.popsection\n");

extern const struct ksplice_program ksplice_program;
extern const char ksplice_program_end[];

static const struct ksplice_base bases[] = {
@BASES@
};

static struct ksplice_old_code old_code = {
	.id = @ID_STRING@,
	.target = @TARGET_STRING@,
	.program = &ksplice_program,
	.owner = THIS_MODULE,
	.bases = bases,
	.n_bases = ARRAY_SIZE(bases),
};

static int __init old_code_init(void)
{
	old_code.size = ksplice_program_end - (const char *)&ksplice_program;
	return ksplice_register_old_code(&old_code);
}

static void __exit old_code_exit(void)
{
	ksplice_unregister_old_code(&old_code);
}

module_init(old_code_init);
module_exit(old_code_exit);
MODULE_LICENSE("GPL v2");
MODULE_DESCRIPTION("ksplice update @ID@: old code of @TARGET@");
