/* SPDX-License-Identifier: ISC */
/*
 * A guest of a pool, and one that becomes a snapshot.
 *
 *	(none)		prints its arguments and WORD of its environment
 *	random		draws random numbers, is ready, draws more, and waits
 *	serve		listens on port 7 and is ready in accept(), or in poll() after `serve poll`;
 *			a connection gets random numbers
 *
 * The last two leave data in freed memory before they are ready.
 */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xenolith/resume.h>

#define KIB 1024

/* "FREED!" and "KEPT!!", which are nowhere else in the image. */
static void fill(char *p, size_t size, const char *shifted)
{
	for (size_t i = 0; i < size; i++)
		p[i] = shifted[i % 6] - 1;
}

static const char freed[] = "GSFFE\"", in_use[] = "LFQU\"\"";

static void *use_stack(void *arg)
{
	char text[16 * KIB];

	fill(text, sizeof(text), freed);
	__asm__ volatile("" : : "r"(text) : "memory");
	return arg;
}

/* In the heap, between blocks in use, at its end, in pages, and in the stack of a thread. */
static void leave_freed_memory(void)
{
	static char *small[200], *kept;
	char *large = malloc(3 * KIB * KIB);
	pthread_t thread;

	/* The buffer of stdout, and the stacks of the kernel's threads, are not made of it. */
	printf("warm: begins\n");
	fflush(stdout);
	sleep(2);
	kept = malloc(100);
	fill(kept, 100, in_use);
	for (int i = 0; i < 200; i++) {
		small[i] = malloc(100 + 20 * i);
		fill(small[i], 100 + 20 * i, freed);
	}
	fill(large, 3 * KIB * KIB, freed);
	for (int i = 0; i < 200; i++) {
		memset(small[i], i & 1 ? 'F' : small[i][0], 1);
		if (!(i & 1))
			free(small[i]);
		else
			memset(small[i], 0, 100 + 20 * i);
	}
	free(large);
	pthread_create(&thread, NULL, use_stack, NULL);
	pthread_join(thread, NULL);
}

/* Random numbers of each source, as text. */
static void draw(char text[200])
{
	uint64_t word = 0;
	int ok = getrandom(&word, sizeof(word), 0) == sizeof(word);

	snprintf(text, 200, "copy %u getrandom %s%016llx arc4random %08lx%08lx\n", xenolith_copies(),
		 ok ? "" : "refused ", (unsigned long long)word,
		 ok ? (unsigned long)arc4random() : 0ul, ok ? (unsigned long)arc4random() : 0ul);
}

static void serve(int by_poll)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(7) };
	int s = socket(AF_INET, SOCK_STREAM, 0), c;
	struct pollfd p = { .fd = s, .events = POLLIN };
	char text[200];

	draw(text);		/* the generators have their keys */
	if (bind(s, (struct sockaddr *)&any, sizeof(any)) || listen(s, 5))
		perror("listen");
	printf("warm: listens\n");
	fflush(stdout);
	while (!by_poll || poll(&p, 1, -1) == 1) {
		c = accept(s, NULL, NULL);
		draw(text);
		(void)!write(c, text, strlen(text));
		close(c);
	}
}

int main(int argc, char **argv)
{
	const char *word = getenv("WORD");
	char text[200];

	if (argc > 1 && !strcmp(argv[1], "serve")) {
		leave_freed_memory();
		serve(argc > 2);
	}
	if (argc > 1 && !strcmp(argv[1], "random")) {
		leave_freed_memory();
		draw(text);
		printf("warm: ready\n");
		fflush(stdout);
		printf("warm: a copy: %d\n", xenolith_ready());
		draw(text);
		printf("warm: %s", text);
		fflush(stdout);
		pause();
	}
	printf("warm:");
	for (int i = 1; i < argc; i++)
		printf(" <%s>", argv[i]);
	printf(" WORD=%s\n", word ? word : "");
	return 0;
}
