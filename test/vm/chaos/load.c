// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes on while updates come and go, one kind for each process:
 *
 * forks	children that nobody waits for, some with threads, some killed
 * threads	threads that come and go, whose leader is gone before them
 * polls	a hundred pipes, asked in a loop
 * sleeps	tasks that wait for a signal, each for a while
 * calls	readv() and sigaltstack(), without end
 * looks	everything in /proc/PID of whoever lives, which fills the cache
 *		that a dying task empties
 *
 * Each sleeps now and then: whoever switches tracers waits until all tasks did.
 *
 * usage: load KIND SEED
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned int seed;

static unsigned int random_below(unsigned int n)
{
	return rand_r(&seed) % n;
}

static void pause_us(unsigned int us)
{
	struct timespec time = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L };

	nanosleep(&time, NULL);
}

/* Asleep in do_sigtimedwait(). */
static void wait_us(unsigned int us)
{
	struct timespec time = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigtimedwait(&set, NULL, &time);
}

static atomic_int running;

static void *short_life(void *arg)
{
	pause_us((unsigned long)arg);
	running--;
	return NULL;
}

static void start_thread(unsigned int us)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 1 << 16);
	running++;
	if (pthread_create(&thread, &attr, short_life, (void *)(unsigned long)us))
		running--;
	pthread_attr_destroy(&attr);
}

static void child(void)
{
	unsigned int threads = random_below(4);

	while (threads--)
		start_thread(random_below(20000));
	switch (random_below(4)) {
	case 0:
		_exit(0);
	case 1:
		/* The threads live on without their leader. */
		syscall(SYS_exit, 0);
		break;
	case 2:
		pause_us(random_below(10000));
		raise(SIGKILL);
		break;
	default:
		pause_us(random_below(10000));
		_exit(1);
	}
}

static void forks(void)
{
	int i;

	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		for (i = random_below(6); i >= 0; i--) {
			seed += 7919;
			if (fork() == 0)
				child();
		}
		/* Until all are gone; they would be more and more otherwise. */
		wait(NULL);
	}
}

static void threads(void)
{
	int i;

	for (;;) {
		for (i = random_below(6); i >= 0; i--)
			start_thread(random_below(5000));
		/* No more than a few at a time. */
		while (running)
			pause_us(random_below(5000));
	}
}

static void polls(void)
{
	static struct pollfd fds[200];
	struct rlimit limit = { 4096, 4096 };
	int i, ends[2];

	setrlimit(RLIMIT_NOFILE, &limit);
	for (i = 0; i < 200; i++) {
		if (i % 2 == 0 && pipe(ends))
			exit(1);
		fds[i].fd = ends[i % 2];
		fds[i].events = i % 2 ? POLLERR : POLLIN;
	}
	for (;;) {
		for (i = random_below(8); i >= 0; i--)
			poll(fds, 200, 0);
		pause_us(1000);
	}
}

static void sleeps(void)
{
	for (;;) {
		wait_us(random_below(1000000));
		pause_us(random_below(100000));
	}
}

static void calls(void)
{
	static char bytes[16][64];
	stack_t stack = { .ss_sp = malloc(1 << 17), .ss_size = 1 << 17 };
	struct iovec vector[16];
	int i, fd = open("/dev/zero", O_RDONLY);

	for (i = 0; i < 16; i++)
		vector[i] = (struct iovec) { bytes[i], 64 };
	for (;;) {
		for (i = random_below(500); i >= 0; i--) {
			readv(fd, vector, 16);
			sigaltstack(&stack, NULL);
		}
		pause_us(1000);
	}
}

static void look_into(const char *path, int depth)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	char below[512];

	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR && depth)
			look_into(below, depth - 1);
		else
			access(below, R_OK);
	}
	if (directory)
		closedir(directory);
}

static void looks(void)
{
	char path[64];
	pid_t pid;

	for (;;) {
		/* The youngest is the likeliest to die. */
		pid = fork();
		if (pid == 0)
			_exit(0);
		snprintf(path, sizeof(path), "/proc/%d", (int)pid + (int)random_below(3));
		look_into(path, 3);
		waitpid(pid, NULL, 0);
		pause_us(random_below(2000));
	}
}

static const struct {
	const char *kind;
	void (*run)(void);
} kinds[] = {
	{ "forks", forks }, { "threads", threads }, { "polls", polls },
	{ "sleeps", sleeps }, { "calls", calls }, { "looks", looks },
};

int main(int argc, char **argv)
{
	size_t i;

	if (argc != 3)
		return 2;
	seed = strtoul(argv[2], NULL, 10);
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(argv[1], kinds[i].kind))
			kinds[i].run();
	return 2;
}
