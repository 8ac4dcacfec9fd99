/* SPDX-License-Identifier: ISC */
/*
 * TCP and UDP echo on port 7.  For each line HOST PORT on the console, it connects and
 * prints its source address.  The first socket exists before the first vif.
 */
#include "tests/xen/test.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void *echo_tcp(void *arg)
{
	int listener = *(int *)arg, fd;
	char bytes[500];
	ssize_t n;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		while ((n = read(fd, bytes, sizeof(bytes))) > 0)
			expect_equal(write(fd, bytes, n), n);
		close(fd);
	}
	test_failure("accept: %s", strerror(errno));
}

static void *echo_udp(void *arg)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char bytes[500];
	ssize_t n;

	while ((n = recvfrom(*(int *)arg, bytes, sizeof(bytes), 0, (void *)&from, &len)) >= 0) {
		sendto(*(int *)arg, bytes, n, 0, (void *)&from, len);
		len = sizeof(from);
	}
	test_failure("recvfrom: %s", strerror(errno));
}

static int service(int type)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(7) };
	int fd = socket(AF_INET6, type, 0), off = 0;

	expect(fd >= 0);
	expect_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
	expect_equal(bind(fd, (void *)&any, sizeof(any)), 0);
	return fd;
}

static const char *call(const char *host, const char *port, char from[static INET6_ADDRSTRLEN])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *a;
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);
	const char *wrong = NULL;
	int fd;

	if (getaddrinfo(host, port, &hints, &a))
		return "no such address";
	fd = socket(a->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen))
		wrong = strerror(errno);
	else if (getsockname(fd, (void *)&local, &len) ||
		 getnameinfo((void *)&local, len, from, INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST))
		wrong = "no name";
	close(fd);
	freeaddrinfo(a);
	return wrong;
}

int main(void)
{
	int tcp = service(SOCK_STREAM), udp = service(SOCK_DGRAM);
	char host[80], port[20], from[INET6_ADDRSTRLEN];
	unsigned calls = 0;
	pthread_t thread;

	expect_equal(listen(tcp, 5), 0);
	expect_equal(pthread_create(&thread, NULL, echo_tcp, &tcp), 0);
	expect_equal(pthread_create(&thread, NULL, echo_udp, &udp), 0);
	printf("serving\n");
	fflush(stdout);
	while (scanf("%79s %19s", host, port) == 2) {
		const char *wrong = call(host, port, from);

		calls++;
		printf("\ncall %u: %s%s, end %u\n", calls, wrong ? "" : "from ",
		       wrong ? wrong : from, calls);
		fflush(stdout);
	}
	test_error("the console has ended");
}
