/* SPDX-License-Identifier: ISC */
/*
 * Name lookup: /etc/hosts, a server with all kinds of replies (dom0/server.c), many
 * lookups at once; and the errors of calls that networks report.
 */
#include "tests/xen/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define THREADS 40

static struct addrinfo *list;

static int look_up(const char *name, int family, int flags)
{
	struct addrinfo hints = { .ai_family = family, .ai_flags = flags,
				  .ai_socktype = SOCK_STREAM };

	return getaddrinfo(name, "80", &hints, &list);
}

static uint32_t ip(const struct addrinfo *a)
{
	return ntohl(((struct sockaddr_in *)a->ai_addr)->sin_addr.s_addr);
}

static unsigned number(void)
{
	unsigned n = 0;

	for (const struct addrinfo *a = list; a; a = a->ai_next)
		n++;
	return n;
}

/* The name has that one IPv4 address. */
static void is(const char *name, uint32_t address)
{
	int rc = look_up(name, AF_UNSPEC, 0);

	if (rc)
		test_failure("%s: %s", name, gai_strerror(rc));
	if (number() != 1 || list->ai_family != AF_INET || ip(list) != address)
		test_failure("%s: %u addresses, %x", name, number(), ip(list));
	freeaddrinfo(list);
}

static void fails(const char *name, int error)
{
	int rc = look_up(name, AF_UNSPEC, 0);

	if (rc != error)
		test_failure("%s: %d, not %d", name, rc, error);
}

static void all_addresses(void)
{
	bool seen[60] = { false };

	expect_equal(look_up("many.test", AF_INET, 0), 0);
	expect_equal(number(), 60);
	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		expect(ip(a) - 0x0a020000 < 60 && !seen[ip(a) - 0x0a020000]);
		seen[ip(a) - 0x0a020000] = true;
	}
	freeaddrinfo(list);
}

static void *one_of_many(void *arg)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *mine;
	unsigned n = (uintptr_t)arg;
	char name[20];

	snprintf(name, sizeof(name), "h%u.test", n);
	expect_equal(getaddrinfo(name, NULL, &hints, &mine), 0);
	expect(ip(mine) == 0x0a020000 + n && !mine->ai_next);
	freeaddrinfo(mine);
	return NULL;
}

static void many_at_once(void)
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		expect_equal(pthread_create(&threads[i], NULL, one_of_many, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		expect_equal(pthread_join(threads[i], NULL), 0);
}

static void hosts_of_the_image(void)
{
	expect_equal(look_up("One.hosts.test", AF_UNSPEC, AI_CANONNAME), 0);
	expect_equal(number(), 3);
	expect(!strcmp(list->ai_canonname, "one.hosts.test"));
	freeaddrinfo(list);
	is("one.alias", 0x0a010101);
	is("one.", 0x0a010101);
	expect_equal(look_up("localhost.", AF_INET, 0), 0);
	expect(ip(list) == INADDR_LOOPBACK);
	freeaddrinfo(list);
}

static void flags_and_names(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(0x0a020009) } };
	char name[100], memory[60];
	struct hostent entry, *h;
	struct in6_addr in6;
	int error;

	expect_equal(look_up("alias.test", AF_UNSPEC, AI_CANONNAME), 0);
	expect(!strcmp(list->ai_canonname, "c"));
	freeaddrinfo(list);
	expect_equal(look_up("h7.test", AF_INET6, AI_V4MAPPED), 0);
	in6 = ((struct sockaddr_in6 *)list->ai_addr)->sin6_addr;
	expect(IN6_IS_ADDR_V4MAPPED(&in6) && in6.s6_addr[15] == 7);
	freeaddrinfo(list);
	expect_equal(look_up("h7.test", AF_INET6, 0), EAI_NODATA);
	expect_equal(look_up("h7.test", AF_UNSPEC, AI_NUMERICHOST), EAI_NONAME);
	expect_equal(look_up("h7.test", AF_UNSPEC, 0x8000), EAI_BADFLAGS);
	expect_equal(getnameinfo((struct sockaddr *)&a, sizeof(a), name, sizeof(name), NULL, 0,
				 NI_NAMEREQD), 0);
	expect(!strcmp(name, "nine.test"));
	a.sin_addr.s_addr = htonl(0x0a020008);
	expect_equal(getnameinfo((struct sockaddr *)&a, sizeof(a), name, sizeof(name), NULL, 0,
				 NI_NAMEREQD), EAI_NONAME);
	expect_equal(getnameinfo((struct sockaddr *)&a, sizeof(a), name, sizeof(name), NULL, 0,
				 0), 0);
	expect(!strcmp(name, "10.2.0.8"));
	h = gethostbyname("many.test");
	expect(h && h->h_addr_list[59] && !h->h_addr_list[60]);
	expect(!gethostbyname("none.test") && h_errno == HOST_NOT_FOUND);
	expect(!gethostbyname("empty.test") && h_errno == NO_DATA);
	expect_equal(gethostbyname_r("many.test", &entry, memory, sizeof(memory), &h, &error),
		     ERANGE);
	expect_equal(gethostbyname_r("h7.test", &entry, memory, sizeof(memory), &h, &error), 0);
	expect(h == &entry && h->h_addr_list[0][3] == 7 && !h->h_addr_list[1]);
}

/* dom0 has no server at port 9, and no route to 10.77.0.1. */
static void errors_of_the_network(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9),
				  .sin_addr = { htonl(0x0a090001) } };
	struct timeval tv = { .tv_sec = 10 };
	struct pollfd p = { .events = POLLOUT };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), error;
	socklen_t len = sizeof(error);
	char c;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	expect(!connect(fd, (struct sockaddr *)&to, sizeof(to)) && send(fd, "?", 1, 0) == 1);
	expect_equal(recv(fd, &c, 1, 0), -1);
	expect_equal(errno, ECONNREFUSED);
	close(fd);
	to.sin_addr.s_addr = htonl(0x0a4d0001);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	expect_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
	expect_equal(errno, EHOSTUNREACH);
	close(fd);
	p.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	expect_equal(connect(p.fd, (struct sockaddr *)&to, sizeof(to)), -1);
	expect_equal(errno, EINPROGRESS);
	expect_equal(poll(&p, 1, 20000), 1);
	expect(!getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len) && error == EHOSTUNREACH);
	close(p.fd);
}

/* The address is configured later; connect() does not wait for it. */
static void begun_without_an_address(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53),
				  .sin_addr = { htonl(0x0a090001) } };
	struct pollfd p = { .events = POLLOUT };
	struct timespec begin, end;
	int error;
	socklen_t len = sizeof(error);

	p.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	expect_equal(connect(p.fd, (struct sockaddr *)&to, sizeof(to)), -1);
	expect_equal(errno, EINPROGRESS);
	expect_equal(connect(p.fd, (struct sockaddr *)&to, sizeof(to)), -1);
	expect_equal(errno, EALREADY);
	clock_gettime(CLOCK_MONOTONIC, &end);
	expect(end.tv_sec - begin.tv_sec < 3);
	expect_equal(poll(&p, 1, 30000), 1);
	expect(!getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len));
	expect(error == ETIMEDOUT);		/* 10 s later: there is no DHCP server */
	close(p.fd);
	test_success();
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		begun_without_an_address();
	is("h3.test", 0x0a020003);
	is("h3.test.", 0x0a020003);
	all_addresses();
	is("tc.test", 0x0a020001);
	is("alias.test", 0x0a020001);
	is("forged.test", 0x0a020001);
	is("junk.test", 0x0a020001);
	is("noedns.test", 0x0a020001);
	is("late.test", 0x0a020001);
	is("four.test", 0x0a020001);
	is("found", 0x0a020001);		/* by the search list */
	is("found.h", 0x0a020001);
	fails("found.", EAI_NONAME);
	fails("none.test", EAI_NONAME);
	fails("empty.test", EAI_NODATA);
	fails("loop.test", EAI_NODATA);
	fails("fails.test.", EAI_AGAIN);
	fails("a..test", EAI_NONAME);
	fails(".", EAI_NONAME);
	fails("", EAI_NONAME);
	many_at_once();
	hosts_of_the_image();
	flags_and_names();
	errors_of_the_network();
	test_success();
}
