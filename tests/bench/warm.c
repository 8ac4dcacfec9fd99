/* SPDX-License-Identifier: ISC */
/*
 * Times of starts, in dom0, for tests/bench/run; prints seconds:
 *
 *	warm first TEXT COMMAND...	from the command to TEXT in its output; then the command is ended
 *					and waited for
 *	warm end COMMAND...		from the command to its end
 *	warm answer DOMID ADDRESS	unpauses a domain, and asks it by ICMP echo each ms until it answers
 *	warm resume DOMID ADDRESS	the same for one that is suspended, and continues in place
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenguest.h>
#include <xenstore.h>

#define PATIENCE 60

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void first(const char *text, char **command)
{
	static char seen[1 << 20];
	size_t have = 0;
	double start = now();
	int out[2];
	ssize_t n;
	pid_t pid;

	if (pipe(out) || (pid = fork()) < 0)
		die("fork");
	if (pid == 0) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(out[0]);
		close(out[1]);
		execvp(command[0], command);
		_exit(127);
	}
	close(out[1]);
	while ((n = read(out[0], seen + have, sizeof(seen) - 1 - have)) > 0) {
		have += n;
		if (text && memmem(seen, have, text, strlen(text)))
			break;
	}
	if (text && n <= 0) {
		fprintf(stderr, "no %s in: %.*s\n", text, (int)have, seen);
		exit(1);
	}
	if (text)
		printf("%.6f\n", now() - start);
	while (n > 0 && (n = read(out[0], seen, sizeof(seen))) > 0)
		;
	waitpid(pid, NULL, 0);
	if (!text)
		printf("%.6f\n", now() - start);
}

static unsigned short sum(const void *data, size_t size)
{
	const unsigned short *p = data;
	unsigned long all = 0;

	for (; size > 1; size -= 2)
		all += *p++;
	while (all >> 16)
		all = (all & 0xffff) + (all >> 16);
	return ~all;
}

static void answer(int domid, const char *address, int in_place)
{
	xc_interface *xc = xc_interface_open(NULL, NULL, 0);
	struct xs_handle *xs = xs_open(0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address) };
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	struct icmphdr echo = { .type = ICMP_ECHO, .un.echo.id = getpid() };
	char reply[512];
	double start = now();

	if (!xc || !xs || s < 0)
		die("open");
	if (in_place ? xc_domain_resume(xc, domid, 1) || !xs_resume_domain(xs, domid) :
		       xc_domain_unpause(xc, domid))
		die("start");
	for (int i = 0; now() < start + PATIENCE; i++) {
		struct pollfd p = { .fd = s, .events = POLLIN };

		echo.un.echo.sequence = i;
		echo.checksum = 0;
		echo.checksum = sum(&echo, sizeof(echo));
		sendto(s, &echo, sizeof(echo), 0, (struct sockaddr *)&to, sizeof(to));
		if (poll(&p, 1, 1) <= 0 || recv(s, reply, sizeof(reply), 0) < 28)
			continue;
		if (((struct iphdr *)reply)->saddr == to.sin_addr.s_addr &&
		    ((struct icmphdr *)(reply + 20))->type == ICMP_ECHOREPLY) {
			printf("%.6f\n", now() - start);
			return;
		}
	}
	errno = ETIMEDOUT;
	die(address);
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "first"))
		first(argv[2], argv + 3);
	else if (argc > 2 && !strcmp(argv[1], "end"))
		first(NULL, argv + 2);
	else if (argc == 4 && (!strcmp(argv[1], "answer") || !strcmp(argv[1], "resume")))
		answer(atoi(argv[2]), argv[3], !strcmp(argv[1], "resume"));
	else
		return 2;
	return 0;
}
