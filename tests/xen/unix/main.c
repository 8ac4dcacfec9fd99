/* SPDX-License-Identifier: ISC */
/*
 * For test.py, with guests that are processes: what the sandbox and the tender must survive.
 *
 *	call NUMBER ARGUMENT...		makes a system call of Linux; prints what it returns
 *	spin				prints "spinning" and spins
 *	sleep				prints "sleeping" and sleeps
 *	write				writes lines without end
 *	lines NUMBER			writes so many lines; the status is 7
 *	fault				writes to address 8, in a function of this name
 *	echo				prints each line that it reads
 *	serve PORT			answers one connection at a time with "hello"
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static long arguments[7];

static long linux_call(const long *a)
{
	register long r10 __asm__("r10") = a[4], r8 __asm__("r8") = a[5],
			  r9 __asm__("r9") = a[6];
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "a"(a[0]), "D"(a[1]), "S"(a[2]), "d"(a[3]), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return rc;
}

static __attribute__((noinline)) void fault(volatile int *where)
{
	*where = 1;
}

static void echo(void)
{
	char line[200];

	puts("ready");
	while (fgets(line, sizeof(line), stdin))
		printf("got %s", line);
}

static void serve(int port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0), client;

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 5)) {
		perror("listen");
		exit(1);
	}
	puts("serving");
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		if (write(client, "hello", 5) != 5)
			perror("write");
		close(client);
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 2; i < argc && i < 9; i++)
		arguments[i - 2] = strtol(argv[i], NULL, 0);
	if (!strcmp(how, "call")) {
		puts("calling");
		usleep(1000);
		printf("returned %ld\n", linux_call(arguments));
		return 0;
	}
	if (!strcmp(how, "serve"))
		serve(arguments[0]);
	if (!strcmp(how, "echo"))
		echo();
	if (!strcmp(how, "lines")) {
		while (arguments[0]-- > 0)
			puts("a line");
		return 7;
	}
	if (!strcmp(how, "fault"))
		fault((int *)strtol("8", NULL, 0));
	while (!strcmp(how, "write"))
		puts("a line of some length, again and again and again");
	puts(!strcmp(how, "spin") ? "spinning" : "sleeping");
	while (!strcmp(how, "spin"))
		;
	while (!strcmp(how, "sleep"))
		sleep(1000);
	return 0;
}
