// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares the bytes at the functions of all updates that the core knows with
 * their stages, which nobody changes meanwhile.  The jump of the update that
 * was applied last has to be there, or the name among those that ftrace has
 * redirected, and no jump where no update is applied.
 *
 * It prints what is not so, and the number of functions that it has seen.
 */
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSFS "/sys/kernel/ksplice"
#define MAX_FUNCTIONS 256

static struct function {
	char id[256], name[128];
	unsigned long old, new;
	unsigned int order;	/* 0: not applied */
} functions[MAX_FUNCTIONS];
static int n_functions;

static int read_file(const char *id, const char *file, char *text, size_t size)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), SYSFS "/%s/%s", id, file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return 0;
}

static void read_update(const char *id)
{
	static char text[1 << 16];
	unsigned int order = 0;
	char *line, stage[32];
	struct function *f;

	if (read_file(id, "stage", stage, sizeof(stage)))
		return;
	if (!strcmp(stage, "applied\n") && !read_file(id, "order", text, sizeof(text)))
		order = strtoul(text, NULL, 10);
	if (read_file(id, "functions", text, sizeof(text)))
		return;
	for (line = strtok(text, "\n"); line && n_functions < MAX_FUNCTIONS;
	     line = strtok(NULL, "\n")) {
		f = &functions[n_functions];
		if (sscanf(line, "%*s %127s %lx %*u %lx", f->name, &f->old, &f->new) != 3)
			continue;
		snprintf(f->id, sizeof(f->id), "%s", id);
		f->order = order;
		n_functions++;
	}
}

/* The kernel's memory, as /proc/kcore has it. */
static int read_kernel(unsigned long address, unsigned char *bytes, size_t size)
{
	static int fd = -1;
	static Elf64_Ehdr header;
	static Elf64_Phdr parts[64];
	int i;

	if (fd < 0) {
		fd = open("/proc/kcore", O_RDONLY);
		if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
			return -1;
		if (header.e_phnum > 64)
			header.e_phnum = 64;
		if (pread(fd, parts, header.e_phnum * sizeof(*parts), header.e_phoff) < 0)
			return -1;
	}
	for (i = 0; i < header.e_phnum; i++)
		if (parts[i].p_type == PT_LOAD && address >= parts[i].p_vaddr &&
		    address + size <= parts[i].p_vaddr + parts[i].p_memsz)
			return pread(fd, bytes, size, parts[i].p_offset + address -
				     parts[i].p_vaddr) == (ssize_t)size ? 0 : -1;
	return -1;
}

/* Where the jump at the function's start leads to, behind a call to ftrace or an ENDBR; or 0. */
static unsigned long jump_of(unsigned long old, unsigned long only)
{
	static const int places[] = { 0, 4, 5, 9 };
	unsigned char bytes[16];
	unsigned long to;
	int32_t distance;
	size_t i;
	int j;

	if (read_kernel(old, bytes, sizeof(bytes)))
		return 0;
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		/* A probe may stand on it. */
		if (bytes[places[i]] != 0xe9 && bytes[places[i]] != 0xcc)
			continue;
		memcpy(&distance, bytes + places[i] + 1, sizeof(distance));
		to = old + places[i] + 5 + distance;
		if (only && to == only)
			return to;
		for (j = 0; !only && j < n_functions; j++)
			if (functions[j].new == to)
				return to;
	}
	return 0;
}

/* Whether ftrace leads the function elsewhere: NAME (1) R I ... */
static int is_redirected(const char *name)
{
	FILE *file = fopen("/sys/kernel/tracing/enabled_functions", "r");
	char line[512], word[128], flags[16];
	int found = 0;

	while (file && fgets(line, sizeof(line), file)) {
		snprintf(flags, sizeof(flags), "%.15s", strchr(line, ')') ? strchr(line, ')') : "");
		if (sscanf(line, "%127s", word) == 1 && !strcmp(word, name) && strchr(flags, 'I'))
			found = 1;
	}
	if (file)
		fclose(file);
	return found;
}

/* The one whose code runs: what was applied last. */
static const struct function *top_of(unsigned long old)
{
	const struct function *top = NULL;
	int i;

	for (i = 0; i < n_functions; i++)
		if (functions[i].old == old && functions[i].order &&
		    (!top || functions[i].order > top->order))
			top = &functions[i];
	return top;
}

static int judge(const struct function *f)
{
	const struct function *top = top_of(f->old);
	unsigned long to;

	if (!f->new)
		return 0;
	if (!top) {
		to = jump_of(f->old, 0);
		if (to)
			printf("%s: %s is left for %lx, but not applied\n", f->id, f->name, to);
		return !!to;
	}
	if (jump_of(f->old, top->new) || is_redirected(f->name))
		return 0;
	printf("%s: %s does not lead to the code of %s\n", f->id, f->name, top->id);
	return 1;
}

int main(void)
{
	DIR *directory = opendir(SYSFS);
	struct dirent *entry;
	int i, wrong = 0;

	while (directory && (entry = readdir(directory)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			read_update(entry->d_name);
	for (i = 0; i < n_functions; i++)
		wrong += judge(&functions[i]);
	printf("%d\n", n_functions);
	return wrong != 0;
}
