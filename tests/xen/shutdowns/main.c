/* SPDX-License-Identifier: ISC */
/*
 * Stores numbers on a disk, and replies when they are stored.
 *
 *	port 7	a line with the writer's number, then numbers to store: the reply is the
 *		number, after its block has been fsynced.  `exit N`, `abort` and `fault` end
 *		the guest
 *	port 19	sends bytes without end
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK 4096

static int disk;

static int keep(long writer, uint64_t n)
{
	uint64_t block[BLOCK / sizeof(n)];

	for (size_t i = 0; i < sizeof(block) / sizeof(block[0]); i++)
		block[i] = n;
	if (pwrite(disk, block, BLOCK, writer * BLOCK) != BLOCK)
		return -1;
	return fsync(disk);
}

static void obey(const char *word)
{
	if (strncmp(word, "exit ", 5) == 0)
		exit(atoi(word + 5));
	if (strncmp(word, "abort", 5) == 0)
		abort();
	if (strncmp(word, "fault", 5) == 0)
		*(volatile int *)(uintptr_t)atoi(word) = 0;	/* page 0 */
}

static void *echo(void *arg)
{
	int fd = (intptr_t)arg;
	FILE *f = fdopen(fd, "r");
	char line[40];
	long writer = f && fgets(line, sizeof(line), f) ? atol(line) : -1;

	while (writer >= 0 && fgets(line, sizeof(line), f)) {
		size_t len = strlen(line);

		obey(line);
		if (keep(writer, strtoull(line, NULL, 10)) || write(fd, line, len) != (ssize_t)len)
			break;
	}
	if (f)
		fclose(f);
	return NULL;
}

static void *chargen(void *arg)
{
	static char text[16384];
	int fd = (intptr_t)arg;

	while (write(fd, text, sizeof(text)) > 0)
		;
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	void *(*how)(void *) = arg;
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(how == echo ? 7 : 19),
	};
	int s = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t t;

	if (bind(s, (struct sockaddr *)&at, sizeof(at)) || listen(s, 16))
		perror("listen");
	printf("serving %d\n", ntohs(at.sin_port));
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c < 0)
			return NULL;
		if (pthread_create(&t, NULL, how, (void *)(intptr_t)c) == 0)
			pthread_detach(t);
		else
			close(c);
	}
}

int main(void)
{
	pthread_t t;

	disk = open("/dev/xvda", O_RDWR);
	if (disk < 0)
		perror("/dev/xvda");
	pthread_create(&t, NULL, serve, chargen);
	serve(echo);
	return 1;
}
