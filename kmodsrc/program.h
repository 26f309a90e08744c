/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The match program: it describes the code that a running kernel must hold where an
 * update wants to replace code.
 *
 * ksplice-ts create writes a program for each target (vmlinux or one module)
 * from the objects as the distribution built them.  Two interpreters read it:
 * match.c in the kernel, when the update is loaded, and src/match/ in the
 * tool, which proves an update against files without loading anything.  This
 * header is the one definition of the format; src/program/layout.ts repeats
 * the offsets, and a test compiles this file and compares.
 *
 * All integers are little-endian.  Every table is an array of fixed-size records; one
 * table refers to another by index, to strings and bytes by an offset into their
 * pools.  Nothing in a program is an address: the interpreter finds out the run-time
 * value of each key.
 */
#ifndef KSPLICE_PROGRAM_H
#define KSPLICE_PROGRAM_H

#include <linux/types.h>

#define KSPLICE_PROGRAM_MAGIC	0x4d50534b	/* "KSPM" */
#define KSPLICE_PROGRAM_VERSION	1

/* Where a table starts, in bytes from the start of the program, and how many
 * records (for the pools: bytes) it has.  Tables start at multiples of 8.
 */
struct ksplice_table {
	__u32 offset;
	__u32 count;
};

struct ksplice_program {
	__u32 magic;
	__u32 version;
	__u32 size;			/* of the whole program, in bytes */
	__u32 reserved;
	__u64 cookie;			/* the same in the new code made with it */
	struct ksplice_table strings;	/* NUL-terminated, offset 0 is "" */
	struct ksplice_table keys;	/* struct ksplice_key */
	struct ksplice_table spans;	/* struct ksplice_span */
	struct ksplice_table items;	/* struct ksplice_item */
	struct ksplice_table variants;	/* struct ksplice_variant */
	struct ksplice_table fields;	/* struct ksplice_field */
	struct ksplice_table bytes;	/* pool */
};

/*
 * A key is an unknown 64-bit value, one for each symbol, input section or
 * merged string that the code refers to: its address in the running kernel
 * (for per-cpu symbols the offset that the code holds).
 */
struct ksplice_key {
	__u32 name;		/* string: name in kallsyms; 0 if anonymous */
	__u32 label;		/* string: for messages, "net/sctp/input.o .text" */
	__u32 flags;
	__u32 reserved;
};

/* The value must be one of the addresses that kallsyms has for the name. */
#define KSPLICE_KEY_KALLSYMS	0x1
/* An undefined weak symbol: zero is a good value. */
#define KSPLICE_KEY_WEAK	0x2
/*
 * Not a symbol: a value that all sites of one kind share, such as the target
 * of one type of paravirt call.  Sites may set it.
 */
#define KSPLICE_KEY_GROUP	0x4

/*
 * A span is a stretch of one input section that must be found in the running
 * kernel: a function, an object of read-only data, a string.
 */
struct ksplice_span {
	__u32 name;		/* string: symbol; 0 for data without one */
	__u32 label;		/* string: object file, for messages */
	__u32 flags;
	__u32 key;		/* of the section that holds the span */
	__u32 offset;		/* of the span in that section */
	__u32 length;		/* in bytes */
	__u32 bytes;		/* pool offset of the length bytes as built */
	__u32 items;		/* first of n_items, sorted, without overlap */
	__u32 n_items;
	__u32 reserved;
};

/* Candidates are the addresses kallsyms has for the name in the target. */
#define KSPLICE_SPAN_SEARCH	0x1
/*
 * A weak definition: another object's may have taken its place.  It is only
 * looked at once the value of its key is known from elsewhere, and skipped
 * unless kallsyms has the name there.
 */
#define KSPLICE_SPAN_WEAK	0x2
/*
 * The update replaces this function: it must be found.  Others may stay
 * ambiguous; nothing depends on them then.
 */
#define KSPLICE_SPAN_REPLACED	0x4

/*
 * What may differ from the bytes as built.  Without variants it is a
 * relocation: the one field "first", whose bytes are free and which tells the
 * value of its key.  With variants it is a site that the kernel rewrites at
 * boot or at run time: the bytes must be one of the variants, "first" on.
 */
struct ksplice_item {
	__u32 offset;		/* in the span */
	__u16 length;
	__u16 n_variants;
	__u32 first;
};

/* One form of a site: as many bytes as the item is long, fields left zero. */
struct ksplice_variant {
	__u32 bytes;		/* pool offset */
	__u32 fields;		/* first of n_fields */
	__u16 n_fields;
	__u16 reserved;
};

/*
 * A number in the code: value = number - addend, plus the address of the
 * number itself if it is relative.
 */
struct ksplice_field {
	__s64 addend;
	__u32 key;
	__u16 offset;		/* in the item */
	__u8 width;		/* 1, 2, 4 or 8 bytes */
	__u8 flags;
};

#define KSPLICE_FIELD_PCREL	0x1
#define KSPLICE_FIELD_SIGNED	0x2	/* sign-extend the number */
#define KSPLICE_FIELD_FREE	0x4	/* any value; key is not looked at */

#endif
