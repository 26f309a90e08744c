// SPDX-License-Identifier: GPL-2.0-only
/*
 * New code of update @ID@ for @TARGET@: hands the functions in new_code.o,
 * with which this file is linked, to the core.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include "ksplice.h"

@DECLARATIONS@

static const struct ksplice_change changes[] = {
@CHANGES@
};

static const struct ksplice_ref refs[] = {
@REFS@
};

static const struct ksplice_base bases[] = {
@BASES@
};

static const struct ksplice_hook hooks[] = {
@HOOKS@
};

@SEALED@
static const struct ksplice_new_code new_code = {
	.id = @ID_STRING@,
	.target = @TARGET_STRING@,
	.cookie = @COOKIE@,
	.n_targets = @N_TARGETS@,
	.owner = THIS_MODULE,
	.changes = changes,
	.n_changes = ARRAY_SIZE(changes),
	.refs = refs,
	.n_refs = ARRAY_SIZE(refs),
	.bases = bases,
	.n_bases = ARRAY_SIZE(bases),
	.hooks = hooks,
	.n_hooks = ARRAY_SIZE(hooks),
@SEALED_FIELDS@
	.keep = @KEEP@,
@CONSTANTS_FIELDS@
};

static int __init new_code_init(void)
{
	return ksplice_register_new_code(&new_code);
}

static void __exit new_code_exit(void)
{
	ksplice_unregister_new_code(&new_code);
}

module_init(new_code_init);
module_exit(new_code_exit);
MODULE_LICENSE("GPL v2");
MODULE_DESCRIPTION("ksplice update @ID@: new code for @TARGET@");
@NAMESPACES@
