// Starts as many threads as it is told to, says so when they all sleep, and waits.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *sleeper(void *unused)
{
	for (;;)
		pause();
	return unused;
}

int main(int argc, char **argv)
{
	int i, threads = argc > 1 ? atoi(argv[1]) : 0;
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 16);
	for (i = 0; i < threads; i++)
		if (pthread_create(&thread, &attr, sleeper, NULL))
			return 1;
	puts("asleep");
	fflush(stdout);
	sleeper(NULL);
	return 0;
}
