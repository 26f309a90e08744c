// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches the kernel for a while, with nothing but system calls:
 *
 * watch MS samples		perf takes the stacks of all CPUs, by a timer
 * watch MS kprobe NAME OFFSET	a BPF program at a place in a function
 * watch MS kretprobe NAME 0	at its end
 * watch MS fentry NAME 0	by BPF's own trampoline, before it
 * watch MS fexit NAME 0	around it
 *
 * What the kernel refuses ends it with status 1 and the reason.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES 9

static int refused(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

static int open_event(struct perf_event_attr *attr, int cpu)
{
	attr->size = sizeof(*attr);
	return syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static int samples(int ms)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1, .sample_freq = 99,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN,
	};
	int cpu, fd, n = 0;

	for (cpu = 0; cpu < 8; cpu++) {
		fd = open_event(&attr, cpu);
		if (fd < 0)
			continue;
		if (mmap(NULL, PAGES * 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
			return refused("mmap");
		n++;
	}
	if (!n)
		return refused("perf_event_open");
	poll(NULL, 0, ms);
	return 0;
}

static size_t extra_of(const struct btf_type *type)
{
	size_t n = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return 8 * n;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return 12 * n;
	default:
		return 0;
	}
}

/* The number of a function's type in the kernel's BTF, or 0. */
static int btf_id(const char *name)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY), id;
	size_t room = 64 << 20, size = 0;
	const struct btf_header *header;
	const struct btf_type *type;
	const char *types, *names;
	char *all = malloc(room);
	ssize_t n;

	while (all && fd >= 0 && (n = read(fd, all + size, room - size)) > 0)
		size += n;
	close(fd);
	if (size < sizeof(*header))
		return 0;
	header = (const void *)all;
	types = all + header->hdr_len + header->type_off;
	names = all + header->hdr_len + header->str_off;
	type = (const void *)types;
	for (id = 1; (const char *)type < types + header->type_len; id++) {
		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC &&
		    !strcmp(names + type->name_off, name))
			break;
		type = (const void *)((const char *)(type + 1) + extra_of(type));
	}
	if ((const char *)type >= types + header->type_len)
		id = 0;
	free(all);
	return id;
}

/* It takes the stack of whoever comes by. */
static int load_program(unsigned int kind, unsigned int attach, int type)
{
	static const struct bpf_insn code[] = {
		{ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -128 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 128 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_stack },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = kind;
	attr.insns = (unsigned long)code;
	attr.insn_cnt = sizeof(code) / sizeof(*code);
	attr.license = (unsigned long)"GPL";
	attr.expected_attach_type = attach;
	attr.attach_btf_id = type;
	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int trampoline(int ms, const char *name, unsigned int attach)
{
	int type = btf_id(name), program;
	union bpf_attr attr;

	if (!type)
		return printf("no type of %s\n", name), 1;
	program = load_program(BPF_PROG_TYPE_TRACING, attach, type);
	if (program < 0)
		return refused("bpf");
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = program;
	if (syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr)) < 0)
		return refused("attach");
	poll(NULL, 0, ms);
	return 0;
}

static int number_in(const char *path, const char *before)
{
	FILE *file = fopen(path, "r");
	char text[64] = "";

	if (file && !fgets(text, sizeof(text), file))
		*text = '\0';
	if (file)
		fclose(file);
	return strncmp(text, before, strlen(before)) ? -1 : atoi(text + strlen(before));
}

#define PMU "/sys/bus/event_source/devices/kprobe/"

static int probe(int ms, const char *name, unsigned long offset, int at_end)
{
	struct perf_event_attr attr = { .type = number_in(PMU "type", "") };
	int event, program;

	attr.kprobe_func = (unsigned long)name;
	attr.probe_offset = offset;
	if (at_end)
		attr.config = 1ULL << number_in(PMU "format/retprobe", "config:");
	event = open_event(&attr, 0);
	if (event < 0)
		return refused("perf_event_open");
	program = load_program(BPF_PROG_TYPE_KPROBE, 0, 0);
	if (program < 0)
		return refused("bpf");
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) || ioctl(event, PERF_EVENT_IOC_ENABLE))
		return refused("attach");
	poll(NULL, 0, ms);
	return 0;
}

int main(int argc, char **argv)
{
	int ms = argc > 2 ? atoi(argv[1]) : 0;

	if (argc == 3 && !strcmp(argv[2], "samples"))
		return samples(ms);
	if (argc != 5)
		return 2;
	if (!strcmp(argv[2], "fentry"))
		return trampoline(ms, argv[3], BPF_TRACE_FENTRY);
	if (!strcmp(argv[2], "fexit"))
		return trampoline(ms, argv[3], BPF_TRACE_FEXIT);
	return probe(ms, argv[3], strtoul(argv[4], NULL, 10), !strcmp(argv[2], "kretprobe"));
}
