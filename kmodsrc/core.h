/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the core share.
 *
 * An update has an id, a directory in sysfs, and for each target its old code,
 * its new code and what run-pre matching found out.  It goes from "preparing"
 * to "applied" to "reversed", each step once.  While it is applied, targets that
 * it awaits may be added.
 *
 * ksplice_lock protects everything below.  It may be held for seconds, while
 * a switch is attempted.
 */
#ifndef KSPLICE_CORE_H
#define KSPLICE_CORE_H

#include <linux/completion.h>
#include <linux/ftrace.h>
#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_buf.h>
#include "arch.h"
#include "ksplice.h"
#include "match.h"

#define KSPLICE_MAX_ID 16
#define KSPLICE_MAX_CONFLICTS 32
#define KSPLICE_KEPT_ATTEMPTS 16
/* In place of an address: this stack cannot be walked reliably. */
#define KSPLICE_UNRELIABLE 1UL

enum ksplice_stage {
	KSPLICE_PREPARING,
	KSPLICE_APPLIED,
	/*
	 * The old functions are back, but a task is still in new code that was
	 * allowed to be busy: the new code stays until it has left.
	 */
	KSPLICE_LEAVING,
	KSPLICE_REVERSED,
};

/* Why the last step was refused.  attributes.c has the words. */
enum ksplice_cause {
	KSPLICE_OK,
	KSPLICE_NO_MATCH,
	KSPLICE_FAILED_TO_FIND,
	KSPLICE_BAD_SYSTEM_MAP,
	KSPLICE_CODE_BUSY,
	KSPLICE_ALREADY_REVERSED,
	KSPLICE_TARGET_NOT_LOADED,
	KSPLICE_MODULE_BUSY,
	KSPLICE_OUT_OF_MEMORY,
	KSPLICE_UNEXPECTED,
	KSPLICE_RESERVED_TEXT,
	KSPLICE_PROBED,
	KSPLICE_LIVEPATCHED,
	KSPLICE_INCOMPLETE,
	KSPLICE_BASE_MISSING,
	KSPLICE_CALL_FAILED,
	KSPLICE_STACKED,
	KSPLICE_FTRACE_BUSY,
	KSPLICE_FTRACE_OFF,
	KSPLICE_CPU_OFFLINE,
	KSPLICE_IN_INTERRUPTS,
	KSPLICE_ADDRESSES_OUT,
	KSPLICE_STOP_TOO_LONG,
	KSPLICE_N_CAUSES,
};

struct ksplice_handler;

/*
 * What an update replaces: a function, the cold part of one, or read-only data.
 * All that undo needs is here: the old code's module may be gone by then.
 */
struct ksplice_function {
	struct list_head list;		/* of the update */
	struct list_head switched;	/* in ksplice_switched while it is live */
	struct ksplice_update *update;
	struct ksplice_target *target;
	u32 span;
	char *name;
	unsigned long old;
	unsigned long length;
	unsigned long new;		/* 0 for a cold part, and for data */
	/* What another update made of the same, that this one was made on top of. */
	struct ksplice_function *below;
	unsigned long site;		/* of the jump */
	u8 jump[KSPLICE_JUMP_SIZE];
	u8 saved[KSPLICE_JUMP_SIZE];
	bool allow_busy;		/* tasks may be in it while it is switched */
	bool by_ftrace;			/* there is no room for a jump */
	bool live;
	unsigned long ftrace_site;	/* 0 if it does not begin with one */
	struct ksplice_handler *handler;	/* its own: see redirect.c; or NULL */
	struct ksplice_function *inherits;	/* from that one, which gives way in this switch */
	bool has_heir;			/* ... of that one */
	const u8 *content;		/* of data, to write over the old; else NULL */
	u8 *old_content;
	u8 *place;			/* where what is written can be written, during a switch */
};

struct ksplice_symbols;
struct ksplice_seen;

struct ksplice_target {
	struct list_head list;
	struct ksplice_update *update;
	char *name;
	const struct ksplice_old_code *old;
	const struct ksplice_new_code *new;
	struct module *module;		/* held by the match, NULL for vmlinux */
	struct module *held;		/* the same, held while applied */
	enum ksplice_cause verdict;	/* of the match, KSPLICE_OK if all is well */
	struct ksplice_match match;	/* as long as the old code is there */
	struct ksplice_symbols *symbols;
	bool on_bases;			/* all of them were there when the new code came */
	bool applied;
	bool outlived;			/* the new code is bound to a module that is gone */
};

struct ksplice_conflict {
	pid_t pid;
	char comm[TASK_COMM_LEN];
	unsigned long address;		/* in the code that is in use */
};

struct ksplice_attempt {
	u64 window_ns;			/* how long all CPUs stood still, 0 if they did not */
	u64 prescan_ns;
	unsigned int tasks;		/* in the window */
	unsigned int walked;		/* stacks walked in the window */
	u64 stopped_at;			/* ktime_get_mono_fast_ns() */
	bool too_long;			/* given up, so that the CPUs can go on */
};

enum ksplice_step {
	KSPLICE_APPLY,
	KSPLICE_REVERSE,
	KSPLICE_TRY,		/* all of KSPLICE_APPLY but the writing */
	KSPLICE_LEAVE,		/* has everybody left the new code? */
};

/* Of the attempts at one step, up to the one that succeeded. */
struct ksplice_timing {
	enum ksplice_step step;
	bool over;
	unsigned int attempts;
	struct ksplice_attempt kept[KSPLICE_KEPT_ATTEMPTS];	/* the last; n in [n % size] */
};

/* What it means to find a return address there. */
enum ksplice_use {
	KSPLICE_NO_USE,			/* in none of the ranges */
	KSPLICE_HELD,			/* code that has to be idle */
	KSPLICE_MAY_STAY,		/* new code of a function that may be busy */
};

struct ksplice_range {
	unsigned long start;
	unsigned long end;
	enum ksplice_use use;
};

struct ksplice_update {
	struct kobject kobj;
	struct list_head list;
	char id[KSPLICE_MAX_ID + 1];
	struct list_head targets;
	enum ksplice_stage stage;
	enum ksplice_cause cause;
	unsigned int order;		/* 1 for the first that was applied, 0 if not applied */
	u64 applied_at;			/* by the clock of cpus.c */
	struct ksplice_grace *grace;	/* NULL before it is asked for */
	struct list_head functions;	/* those that are live, and those to be switched next */
	unsigned int n_functions;
	struct ksplice_range *ranges;	/* sorted, without overlap */
	unsigned int n_ranges;
	struct module **below;		/* new code of others that has to be idle, all of it */
	unsigned int n_below;
	char *allow_busy;		/* names, a blank after each; or NULL */
	char *replaces;			/* ids, a blank after each; or NULL */
	struct list_head going;		/* those that give way to it in this switch: see replace.c */
	struct list_head gone;		/* ... in that list of the other */
	struct ksplice_update *gives_way_to;
	struct ksplice_seen *seen;	/* by the first look at all stacks, during an attempt */
	u64 max_stop_ns;		/* nothing is written after that; 0: no limit */
	bool let_go;			/* nobody uses new code any more, says user space */
	struct ksplice_timing timing;
	struct ksplice_conflict conflicts[KSPLICE_MAX_CONFLICTS];
	unsigned int n_conflicts;
	struct seq_buf mismatches;	/* text, line by line */
	struct completion *released;
};

extern struct mutex ksplice_lock;
/* The functions that are replaced now, of all updates. */
extern struct list_head ksplice_switched;

/* core.c */
int ksplice_apply(struct ksplice_update *update);
int ksplice_try(struct ksplice_update *update);
int ksplice_reverse(struct ksplice_update *update);
bool ksplice_keeps_new_code(const struct ksplice_update *update);
void ksplice_drop_target(struct ksplice_target *target);
bool ksplice_is_fresh(const struct ksplice_target *target);
bool ksplice_is_starting(const struct ksplice_update *update);
void ksplice_mark_leaving(struct ksplice_update *update);

/* register.c */
struct list_head *ksplice_lock_updates(void);
void ksplice_unlock_updates(void);
bool ksplice_is_good_name(const char *id, const char *target);
struct ksplice_target *ksplice_find_target(struct ksplice_update *update, const char *name);

/* awaited.c: modules that are to be loaded later */
int ksplice_await(const char *line);
ssize_t ksplice_show_awaited(char *buf);
bool ksplice_is_awaited(const char *id, const char *target);
unsigned int ksplice_count_awaited(struct ksplice_update *update);
unsigned int ksplice_count_awaiting(const char *target);
void ksplice_stop_awaiting(const char *id);

/* late.c: what becomes of them when they are loaded */
int ksplice_set_helper(const char *lines);
ssize_t ksplice_show_helper(char *buf);
bool ksplice_is_expected(const struct module *mod);
int ksplice_late_init(void);
void ksplice_late_exit(void);

/* stacking.c: updates on updates; the first with the list of updates locked */
int ksplice_hold_bases(struct ksplice_target *target, struct list_head *updates);
void ksplice_release_bases(struct ksplice_target *target);
bool ksplice_is_base(const struct ksplice_base *bases, unsigned int n,
		     const struct ksplice_target *target);
enum ksplice_cause ksplice_check_bases(struct ksplice_update *update);
enum ksplice_cause ksplice_check_above(struct ksplice_update *update);
void ksplice_print_bases(struct seq_buf *text, const struct ksplice_update *update);

/* attributes.c: the files of one line, and the words in them */
extern struct attribute *ksplice_update_attrs[];
int ksplice_may_write(void);
struct ksplice_update *ksplice_to_update(struct kobject *kobj);

/* sysfs.c */
struct ksplice_update *ksplice_create_update(const char *id);
void ksplice_release_update(struct ksplice_update *update);

/* root.c: what belongs to no update */
extern struct kobject *ksplice_root;
int ksplice_sysfs_init(void);
void ksplice_sysfs_exit(void);

/* symbols.c */
struct ksplice_symbols *ksplice_gather_symbols(const struct ksplice_program *program,
					       const char *target);
void ksplice_free_symbols(struct ksplice_symbols *symbols);
const struct ksplice_address *ksplice_find_symbol(const struct ksplice_symbols *symbols,
						  const char *name);

/* target.c: run-pre matching of one target, in this kernel */
void ksplice_match_target(struct ksplice_target *target);
void ksplice_forget_match(struct ksplice_target *target);
enum ksplice_cause ksplice_check_refs(struct ksplice_target *target);

/* functions.c */
enum ksplice_cause ksplice_list_functions(struct ksplice_update *update);
void ksplice_free_functions(struct ksplice_update *update);
struct ksplice_function *ksplice_find_switched(unsigned long start, unsigned long length,
					       const struct ksplice_update *update);
int ksplice_read_text(void *to, u64 address, size_t length);
int ksplice_read_below(void *to, u64 address, size_t length, const struct ksplice_update *update,
		       const struct ksplice_function *f);

/* replace.c: updates that give way to another one */
enum ksplice_cause ksplice_begin_replacing(struct ksplice_update *update);
void ksplice_end_replacing(struct ksplice_update *update, bool switched);

/* busy.c */
enum ksplice_cause ksplice_mark_allow_busy(struct ksplice_update *update);
enum ksplice_cause ksplice_sort_ranges(struct ksplice_update *update, bool undo);
void ksplice_free_ranges(struct ksplice_update *update);
enum ksplice_use ksplice_find_use(const struct ksplice_update *update, unsigned long address);

/* switch.c */
struct ksplice_attempt *ksplice_this_attempt(struct ksplice_update *update);
enum ksplice_cause ksplice_switch(struct ksplice_update *update, enum ksplice_step step);

/* site.c; with the locks that ksplice_switch() takes */
enum ksplice_cause ksplice_choose_sites(struct ksplice_update *update);
enum ksplice_cause ksplice_check_before_apply(struct ksplice_update *update);
enum ksplice_cause ksplice_check_before_undo(struct ksplice_update *update);

/* redirect.c */
enum ksplice_cause ksplice_attach_ftrace(struct ksplice_update *update);
void ksplice_detach_ftrace(struct ksplice_update *update);
void ksplice_redirect(struct ksplice_function *f, bool undo);
void ksplice_pass_handlers(struct ksplice_update *update);

/* hooks.c */
int ksplice_call_hooks(struct ksplice_update *update, enum ksplice_hook_kind kind);

/* shadow.c; what new code has of it is in include/ksplice-shadow.h */
#ifdef KSPLICE_OWN_SHADOW
void ksplice_shadow_exit(void);
#else
static inline void ksplice_shadow_exit(void) { }
#endif

/* constants.c */
int ksplice_settle_constants(const struct ksplice_new_code *code);

/* sealed.c; without CONFIG_JUMP_LABEL there are no such branches */
#ifdef CONFIG_JUMP_LABEL
int ksplice_settle_sealed(const struct ksplice_new_code *code);
#else
static inline int ksplice_settle_sealed(const struct ksplice_new_code *code)
{
	return 0;
}
#endif

/* livepatch.c; the name of the module whose livepatch redirects code in that range */
void ksplice_lock_livepatches(void);
void ksplice_unlock_livepatches(void);
const char *ksplice_find_livepatch(unsigned long start, unsigned long length);

/* write.c */
u8 *ksplice_map(unsigned long address, unsigned long length);
void ksplice_unmap(u8 *place);
void ksplice_copy(u8 *to, const u8 *from, unsigned long length);
int ksplice_write_text(unsigned long to, const void *bytes, unsigned long length);

/* walk.c */
int ksplice_walk(struct task_struct *task, unsigned long *entries, unsigned int room);
bool ksplice_has_rethooks(const struct task_struct *task);

/* exiting.c, or hidden.c */
int ksplice_exiting_init(void);
void ksplice_exiting_exit(void);
void ksplice_each_exiting(void (*fn)(struct task_struct *task, void *data), void *data);
bool ksplice_all_exiting(bool (*fn)(struct task_struct *task, void *data), void *data);
bool ksplice_any_hidden(void);
bool ksplice_lacked_room(void);
void ksplice_note_again(void);

/* cpus.c: processors that go offline */
int ksplice_cpus_init(void);
void ksplice_cpus_exit(void);
u64 ksplice_now(void);
enum ksplice_cause ksplice_check_cpus(struct ksplice_update *update);

/* grace.c: what is waited for before old code is written over, and before anything is released */
struct ksplice_grace;
void ksplice_find_hidden(void);
enum ksplice_cause ksplice_wait_for_hidden(void);
enum ksplice_cause ksplice_wait_for_grace(struct ksplice_update *update);
void ksplice_end_grace(struct ksplice_update *update);
int ksplice_grace_init(void);
void ksplice_grace_exit(void);

/* switch.c */
bool ksplice_stops_too_long(struct ksplice_update *update);

/* stacks.c */
void ksplice_note_conflict(struct ksplice_update *update, const struct task_struct *task,
			   unsigned long address);
struct ksplice_seen *ksplice_look_ahead(struct ksplice_update *update, enum ksplice_step step);
void ksplice_forget_seen(struct ksplice_seen *seen);
bool ksplice_stacks_clear(struct ksplice_update *update, enum ksplice_step step);

#endif
