/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the modules of an update tell the core.
 *
 * For each target (vmlinux or one module) an update has two modules, made by
 * ksplice-ts create from templates/:
 *
 *   old code  carries the match program; the core compares it with the
 *             running kernel as soon as it is registered.  It can go once the
 *             update is applied.
 *   new code  carries the functions that take the place of the old ones.  It
 *             stays for as long as the update is applied.
 *
 * The modules of one update have the same id, those of one target the same
 * cookie.
 */
#ifndef KSPLICE_H
#define KSPLICE_H

#include <linux/module.h>
#include "program.h"

#define KSPLICE_API_VERSION 7

/*
 * A function that the update replaces.  Without new_addr the entry is the cold part of
 * a replaced function: no stack may have an address in it at the switch, and nothing
 * else is done to it.  With KSPLICE_CHANGE_DATA the entry is read-only data: the bytes
 * at new_addr, as many as the span has, are written over it.
 */
struct ksplice_change {
	__u32 span;		/* in the match program of the target */
	__u32 flags;
	void *new_addr;
};

#define KSPLICE_CHANGE_DATA	0x1

/*
 * A place in the new code that holds the value of a key.  The kernel's module
 * loader has put it there; it must be what run-pre matching found out.
 */
struct ksplice_ref {
	const void *place;
	__s64 addend;
	__u32 key;
	__u8 width;		/* bytes at place: 4 or 8 */
	__u8 flags;		/* KSPLICE_FIELD_* */
};

/*
 * One target of an update that this one was made on top of: the new code knows
 * that update's, and is right only while exactly that is applied.
 */
struct ksplice_base {
	const char *id;
	const char *target;
	__u64 cookie;
};

/* When a hook is called: see ksplice-patch.h. */
enum ksplice_hook_kind {
	KSPLICE_HOOK_PRE_APPLY,
	KSPLICE_HOOK_CHECK_APPLY,
	KSPLICE_HOOK_APPLY,
	KSPLICE_HOOK_POST_APPLY,
	KSPLICE_HOOK_FAIL_APPLY,
	KSPLICE_HOOK_PRE_REVERSE,
	KSPLICE_HOOK_CHECK_REVERSE,
	KSPLICE_HOOK_REVERSE,
	KSPLICE_HOOK_POST_REVERSE,
	KSPLICE_HOOK_FAIL_REVERSE,
};

struct ksplice_hook {
	__u32 kind;
	void *fn;		/* without arguments; returns int where it can refuse */
};

struct jump_entry;

/*
 * An operand in the new code that the kernel would have filled in at boot, from
 * a variable that does not change any more (asm/runtime-const.h): a shift count,
 * or a mask.  The core writes it before anybody can run it.
 */
struct ksplice_constant {
	void *place;
	const void *variable;
	__u64 width;		/* bytes at place: 1 (a shift count) or 4 (a mask) */
};

struct ksplice_new_code {
	const char *id;
	const char *target;	/* "vmlinux" or the name of a module */
	__u64 cookie;
	unsigned int n_targets;	/* how many the whole update has */
	struct module *owner;
	const struct ksplice_change *changes;
	unsigned int n_changes;
	const struct ksplice_ref *refs;
	unsigned int n_refs;
	const struct ksplice_base *bases;	/* of all updates below, oldest first */
	unsigned int n_bases;
	const struct ksplice_hook *hooks;	/* in the order in which they are called */
	unsigned int n_hooks;
	const struct jump_entry *sealed;	/* branches whose key is read-only by now */
	unsigned int n_sealed;
	unsigned int keep;	/* not 0: others may use it after undo */
	const struct ksplice_constant *constants;
	unsigned int n_constants;
};

struct ksplice_old_code {
	const char *id;
	const char *target;
	const struct ksplice_program *program;
	size_t size;		/* of the program, in bytes */
	struct module *owner;
	const struct ksplice_base *bases;	/* the same as the new code's */
	unsigned int n_bases;
};

/*
 * What is registered must stay as it is until it is unregistered.  Old code is
 * matched at once; registration succeeds even if it does not match, so that
 * the verdict can be read in sysfs.  Errors: -EINVAL (a damaged program, a bad
 * id, a branch or a constant that is not where the table says), -EEXIST (there is such code for this
 * target already), -ENOMEM, -EBUSY (new code that this may use is being unloaded; a key
 * that should be sealed is not; a kprobe is in the way).
 */
int ksplice_register_old_code(const struct ksplice_old_code *code);
void ksplice_unregister_old_code(const struct ksplice_old_code *code);
int ksplice_register_new_code(const struct ksplice_new_code *code);
void ksplice_unregister_new_code(const struct ksplice_new_code *code);

#endif
