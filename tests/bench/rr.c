/* SPDX-License-Identifier: ISC */
/*
 * Round trips of one byte over TCP, for dom0 and Linux guests: `rr serve PORT` is the server;
 * `rr ask ADDRESS PORT SECONDS` prints the mean time in microseconds.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void no_delay(int s)
{
	int on = 1;

	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void serve(struct sockaddr_in *at)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	char byte;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)at, sizeof(*at)) || listen(listener, 16))
		err(1, "port");
	for (;;) {
		int s = accept(listener, NULL, NULL);

		no_delay(s);
		while (read(s, &byte, 1) == 1 && write(s, &byte, 1) == 1)
			;
		close(s);
	}
}

static void ask(struct sockaddr_in *to, double seconds)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);
	double start, end;
	char byte = 'x';
	long n = 0;

	if (connect(s, (struct sockaddr *)to, sizeof(*to)))
		err(1, "connect");
	no_delay(s);
	start = end = now();
	for (; end < start + seconds; end = now(), n++)
		if (write(s, &byte, 1) != 1 || read(s, &byte, 1) != 1)
			errx(1, "the connection is lost");
	printf("%.3f\n", (end - start) / n * 1e6);
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	if (argc == 3 && !strcmp(argv[1], "serve")) {
		a.sin_port = htons(atoi(argv[2]));
		serve(&a);
	}
	if (argc != 5 || strcmp(argv[1], "ask") || !inet_aton(argv[2], &a.sin_addr))
		errx(2, "rr serve PORT | rr ask ADDRESS PORT SECONDS");
	a.sin_port = htons(atoi(argv[3]));
	ask(&a, atof(argv[4]));
	return 0;
}
