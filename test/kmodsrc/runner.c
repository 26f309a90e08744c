// Runs the kernel's interpreter of match programs in user space, for comparison
// with the one in TypeScript. Reads commands, a line each:
//
//   region ADDRESS HEX        memory of the pretended kernel
//   poke ADDRESS HEX          writes into it
//   symbol NAME ADDRESS...    all addresses of a name, in place of those before;
//                             -ADDRESS is not in the target
//   program HEX
//   run                       matches; an answer ends with a NUL
//
// Every buffer is allocated for itself, so that the sanitizer sees each access
// beyond an end.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "match.h"

struct region {
	struct region *next;
	__u64 start;
	size_t length;
	__u8 *bytes;
};

struct symbol {
	struct symbol *next;
	char *name;
	struct ksplice_address *addresses;
};

static struct region *regions;
static struct symbol *symbols;
static struct ksplice_program *program;
static size_t program_size;

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static __u8 *find_memory(__u64 address, size_t length)
{
	struct region *r;

	for (r = regions; r; r = r->next)
		if (address >= r->start && address - r->start <= r->length &&
		    length <= r->length - (address - r->start))
			return r->bytes + (address - r->start);
	return NULL;
}

static int read_memory(void *to, __u64 address, size_t length)
{
	__u8 *from = find_memory(address, length);

	if (!from)
		return -EFAULT;
	memcpy(to, from, length);
	return 0;
}

static const struct ksplice_address *lookup(struct ksplice_match *m, const char *name)
{
	struct symbol *s;

	for (s = symbols; s; s = s->next)
		if (!strcmp(s->name, name))
			return s->addresses;
	return NULL;
}

static void print_hex(const __u8 *bytes, unsigned int length)
{
	unsigned int i;

	for (i = 0; i < length; i++)
		printf("%02x", bytes[i]);
}

static void report(struct ksplice_match *m, const struct ksplice_mismatch *what)
{
	static const char *const words[] = {
		"differs", "unreadable", "not-found", "ambiguous", "inconsistent", "not-a-symbol",
	};

	printf("mismatch %s|%s|%s|%u|%llx|", words[what->why], what->object, what->name,
	       what->offset, what->address);
	print_hex(what->expected, what->length);
	printf("|");
	if (what->why != KSPLICE_UNREADABLE)
		print_hex(what->found, what->length);
	printf("\n");
}

static const struct ksplice_hooks hooks = {
	.read = read_memory,
	.lookup = lookup,
	.report = report,
};

static void run(void)
{
	struct ksplice_match m = { .program = program, .hooks = &hooks };
	bool good;
	__u32 i;

	if (ksplice_check_program(program, program_size)) {
		printf("refused%c", 0);
		return;
	}
	m.values = need(calloc(program->keys.count + 1, sizeof(*m.values)));
	m.known = need(calloc(program->keys.count + 1, 1));
	m.addresses = need(calloc(program->spans.count + 1, sizeof(*m.addresses)));
	m.states = need(calloc(program->spans.count + 1, 1));
	m.bytes = need(malloc(ksplice_longest_span(program) + !program->spans.count));
	good = ksplice_match_all(&m);
	printf("%s %u\n", good ? "ok" : "bad", m.unverified);
	for (i = 0; i < program->spans.count; i++)
		if (m.addresses[i])
			printf("span %u %llx\n", i, m.addresses[i]);
	for (i = 0; i < program->keys.count; i++)
		if (m.known[i])
			printf("key %u %llx\n", i, m.values[i]);
	putchar(0);
	free(m.values);
	free(m.known);
	free(m.addresses);
	free(m.states);
	free(m.bytes);
}

static int digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static size_t parse_hex(const char *text, __u8 **bytes)
{
	size_t i, length = strspn(text, "0123456789abcdef") / 2;

	*bytes = need(malloc(length));
	for (i = 0; i < length; i++)
		(*bytes)[i] = digit(text[2 * i]) << 4 | digit(text[2 * i + 1]);
	return length;
}

static void set_symbol(char *words)
{
	char *name = strtok(words, " \n"), *word;
	struct ksplice_address **end;
	struct symbol *s;

	for (s = symbols; s && strcmp(s->name, name); s = s->next)
		;
	if (!s) {
		s = need(calloc(1, sizeof(*s)));
		s->name = need(strdup(name));
		s->next = symbols;
		symbols = s;
	}
	s->addresses = NULL;
	end = &s->addresses;
	while ((word = strtok(NULL, " \n"))) {
		*end = need(calloc(1, sizeof(**end)));
		(*end)->in_target = *word != '-';
		(*end)->value = strtoull(word + (*word == '-'), NULL, 16);
		end = &(*end)->next;
	}
}

static void set_memory(char *words, bool known)
{
	struct region *r = need(calloc(1, sizeof(*r)));

	r->start = strtoull(words, &words, 16);
	r->length = parse_hex(words + 1, &r->bytes);
	if (known) {
		memcpy(need(find_memory(r->start, r->length)), r->bytes, r->length);
		free(r->bytes);
		free(r);
	} else {
		r->next = regions;
		regions = r;
	}
}

int main(void)
{
	size_t room = 0;
	char *line = NULL;

	while (getline(&line, &room, stdin) > 0) {
		if (!strncmp(line, "region ", 7)) {
			set_memory(line + 7, false);
		} else if (!strncmp(line, "poke ", 5)) {
			set_memory(line + 5, true);
		} else if (!strncmp(line, "symbol ", 7)) {
			set_symbol(line + 7);
		} else if (!strncmp(line, "program ", 8)) {
			free(program);
			program_size = parse_hex(line + 8, (__u8 **)&program);
		} else if (!strncmp(line, "run", 3)) {
			run();
		} else {
			abort();
		}
	}
	return 0;
}
