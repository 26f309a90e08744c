// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks functions that chaos replaces which code they are: one line each, a
 * name and "old" or "new" (or which of two that lie on each other).
 *
 * usage: ask [NAME...]   all without
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *by_errno(long ret, int old, int new)
{
	if (ret != -1)
		return "succeeded";
	return errno == new ? "new" : errno == old ? "old" : strerror(errno);
}

static const char *ask_fork(void)
{
	return by_errno(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0),
			EINVAL, EXDEV);
}

static const char *ask_poll(void)
{
	struct pollfd fd = { .events = POLLMSG };
	int ends[2], ready;

	if (pipe(ends))
		return "no pipe";
	fd.fd = ends[0];
	ready = poll(&fd, 1, 0);
	close(ends[0]);
	close(ends[1]);
	return ready ? "new" : "old";
}

static const char *ask_wait(void)
{
	struct timespec never = { .tv_nsec = -1 };
	sigset_t set;

	sigemptyset(&set);
	return by_errno(syscall(SYS_rt_sigtimedwait, &set, NULL, &never, 8), EINVAL, EDOM);
}

/* The status of a child that ends as one thread, not as a group. */
static int status_of(int status)
{
	pid_t child = fork();
	int got = -1;

	if (child == 0)
		syscall(SYS_exit, status);
	if (child < 0 || waitpid(child, &got, 0) != child)
		return -1;
	return WEXITSTATUS(got);
}

static const char *ask_exit(void)
{
	int status = status_of(0x47);

	return status == 0x48 ? "new" : status == 0x47 ? "old" : "no child";
}

static const char *ask_reap(void)
{
	struct rusage before, after;

	getrusage(RUSAGE_CHILDREN, &before);
	if (status_of(0x46) != 0x46)
		return "no child";
	getrusage(RUSAGE_CHILDREN, &after);
	return after.ru_majflt - before.ru_majflt >= 4711 ? "new" : "old";
}

static const char *ask_iovec(void)
{
	static struct iovec vector[2000];
	int fd = open("/dev/zero", O_RDONLY);
	const char *answer = by_errno(readv(fd, vector, 2000), EINVAL, EDOM);

	close(fd);
	return answer;
}

static const char *ask_label(void)
{
	stack_t stack = { .ss_size = 0x47110 }, none = { .ss_flags = SS_DISABLE };
	int refused;

	stack.ss_sp = malloc(stack.ss_size);
	refused = sigaltstack(&stack, NULL);
	sigaltstack(&none, NULL);
	free(stack.ss_sp);
	return refused ? "new" : "old";
}

/* The first word of a file. */
static const char *first_word(const char *path)
{
	static char text[64];
	FILE *file = fopen(path, "r");
	int n;

	if (!file)
		return "none";
	n = fscanf(file, "%63s", text);
	fclose(file);
	return n == 1 ? text : "nothing";
}

static const char *ask_sctp(void)
{
	const char *word = first_word("/proc/net/sctp/snmp");

	return strcmp(word, "SctpCurrEstab") ? word : "old";
}

static const char *ask_loadavg(void)
{
	const char *word = first_word("/proc/loadavg");

	return *word >= '0' && *word <= '9' ? "old" : word;
}

static const struct {
	const char *name;
	const char *(*ask)(void);
} questions[] = {
	{ "fork", ask_fork }, { "poll", ask_poll }, { "wait", ask_wait },
	{ "exit", ask_exit }, { "reap", ask_reap }, { "iovec", ask_iovec },
	{ "label", ask_label }, { "sctp", ask_sctp }, { "loadavg", ask_loadavg },
};

static int wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc == 1;
}

int main(int argc, char **argv)
{
	size_t i;

	setvbuf(stdout, NULL, _IOFBF, 4096);
	for (i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		if (!wanted(questions[i].name, argc, argv))
			continue;
		/* Children must not have it, too. */
		fflush(stdout);
		printf("%s %s\n", questions[i].name, questions[i].ask());
	}
	return 0;
}
