/* SPDX-License-Identifier: ISC */
/* Datagrams, raw sockets, and addresses as text. */
#include "tests/xen/socket/help.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

static int bound(int family, struct sockaddr_storage *name, socklen_t *len)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	int fd = socket(family, SOCK_DGRAM, 0);

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	expect(fd >= 0);
	expect_equal(family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4)) :
		     bind(fd, (struct sockaddr *)&v6, sizeof(v6)), 0);
	*len = sizeof(*name);
	expect_equal(getsockname(fd, (struct sockaddr *)name, len), 0);
	return fd;
}

/* Only addresses with a scope have one. */
static void scopes_are_of_local_addresses(void)
{
	struct sockaddr_in6 name = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback,
				     .sin6_scope_id = 1000 };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	expect_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	close(fd);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	expect_equal(inet_pton(AF_INET6, "fe80::1", &name.sin6_addr), 1);
	expect_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), -1);
	expect_equal(errno, EINVAL);
	close(fd);
}

static void the_interface_of_groups_is_told(void)
{
	struct in_addr loopback = { htonl(INADDR_LOOPBACK) }, got = { 1 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = sizeof(got);

	expect_equal(getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &got, &len), 0);
	expect(len == sizeof(got) && got.s_addr == htonl(INADDR_ANY));
	expect_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof(loopback)), 0);
	expect_equal(getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &got, &len), 0);
	expect(got.s_addr == loopback.s_addr);
	close(fd);
}

static void datagrams_keep_their_ends(int family)
{
	static char big[40000], back[40000];
	struct sockaddr_storage a, b, from;
	socklen_t la, lb, lf = sizeof(from);
	int fa = bound(family, &a, &la), fb = bound(family, &b, &lb), n;
	struct timeval tv = { .tv_usec = 30000 };
	char data[100];

	expect_equal(sendto(fa, "one", 3, 0, (struct sockaddr *)&b, lb), 3);
	expect_equal(sendto(fa, "", 0, 0, (struct sockaddr *)&b, lb), 0);
	expect_equal(sendto(fa, "three", 5, 0, (struct sockaddr *)&b, lb), 5);
	expect_equal(ioctl(fb, FIONREAD, &n), 0);
	expect_equal(n, 3);
	expect_equal(recvfrom(fb, data, sizeof(data), 0, (struct sockaddr *)&from, &lf), 3);
	expect_equal(lf, la);
	expect(!memcmp(&from, &a, la));
	expect_equal(recv(fb, data, sizeof(data), 0), 0);
	expect_equal(recv(fb, data, 2, MSG_PEEK | MSG_TRUNC), 5);
	expect_equal(recv(fb, data, 2, 0), 2);
	expect_equal(recv(fb, data, 2, MSG_DONTWAIT), -1);
	expect_equal(errno, EAGAIN);
	expect_equal(setsockopt(fb, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	expect_equal(recv(fb, data, 2, 0), -1);
	expect_equal(errno, EAGAIN);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i % 253;
	expect_equal(sendto(fa, big, sizeof(big), 0, (struct sockaddr *)&b, lb), sizeof(big));
	expect_equal(recv(fb, back, sizeof(back), 0), sizeof(big));
	expect(!memcmp(big, back, sizeof(big)));
	expect_equal(sendto(fa, big, 70000, 0, (struct sockaddr *)&b, lb), -1);
	expect_equal(errno, EMSGSIZE);
	expect_equal(sendto(fa, big, family == AF_INET ? 65508 : 65488, 0,
			    (struct sockaddr *)&b, lb), -1);
	expect_equal(errno, EMSGSIZE);
	expect_equal(send(fa, big, 1, 0), -1);
	expect_equal(errno, EDESTADDRREQ);
	close(fa);
	close(fb);
}

static void connected_datagrams_are_from_the_peer(void)
{
	struct sockaddr_storage a, b, c, name;
	socklen_t la, lb, lc, len = sizeof(name);
	int fa = bound(AF_INET, &a, &la), fb = bound(AF_INET, &b, &lb);
	int fc = bound(AF_INET, &c, &lc);
	char data[10];

	expect_equal(getpeername(fa, (struct sockaddr *)&name, &len), -1);
	expect_equal(errno, ENOTCONN);
	expect_equal(connect(fa, (struct sockaddr *)&b, lb), 0);
	expect_equal(getpeername(fa, (struct sockaddr *)&name, &len), 0);
	expect(!memcmp(&name, &b, lb));
	expect_equal(send(fa, "x", 1, 0), 1);
	expect_equal(recv(fb, data, 10, 0), 1);
	expect_equal(sendto(fc, "no", 2, 0, (struct sockaddr *)&a, la), 2);
	expect_equal(sendto(fb, "yes", 3, 0, (struct sockaddr *)&a, la), 3);
	expect_equal(recv(fa, data, 10, 0), 3);
	expect_equal(connect(fa, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(a)), 0);
	expect_equal(sendto(fc, "now", 3, 0, (struct sockaddr *)&a, la), 3);
	expect_equal(recv(fa, data, 10, 0), 3);
	expect(!memcmp(data, "now", 3));
	close(fa);
	close(fb);
	close(fc);
}

static void messages_have_pieces(void)
{
	struct sockaddr_storage a, b, from;
	socklen_t la, lb;
	int fa = bound(AF_INET6, &a, &la), fb = bound(AF_INET6, &b, &lb);
	char x[3], y[3];
	struct iovec out[2] = { { "abc", 3 }, { "defg", 4 } }, in[2] = { { x, 3 }, { y, 3 } };
	struct msghdr m = { .msg_name = &b, .msg_namelen = lb, .msg_iov = out, .msg_iovlen = 2 };

	expect_equal(sendmsg(fa, &m, 0), 7);
	m = (struct msghdr){ .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = in,
			     .msg_iovlen = 2 };
	expect_equal(recvmsg(fb, &m, 0), 6);
	expect(m.msg_flags & MSG_TRUNC);
	expect_equal(m.msg_namelen, la);
	expect(!memcmp(x, "abc", 3) && !memcmp(y, "def", 3));
	close(fa);
	close(fb);
}

/* A socket for IPv6 receives and sends IPv4. */
static void ipv6_datagrams_take_ipv4(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 }, from;
	struct sockaddr_storage a;
	struct sockaddr_in to = { .sin_family = AF_INET };
	socklen_t la, len = sizeof(any);
	int fa = bound(AF_INET, &a, &la), fb = socket(AF_INET6, SOCK_DGRAM, 0);
	char data[10];

	expect_equal(bind(fb, (struct sockaddr *)&any, sizeof(any)), 0);
	expect_equal(getsockname(fb, (struct sockaddr *)&any, &len), 0);
	to.sin_port = any.sin6_port;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	expect_equal(sendto(fa, "v4", 2, 0, (struct sockaddr *)&to, sizeof(to)), 2);
	len = sizeof(from);
	expect_equal(recvfrom(fb, data, 10, 0, (struct sockaddr *)&from, &len), 2);
	expect(IN6_IS_ADDR_V4MAPPED(&from.sin6_addr));
	expect_equal(sendto(fb, "back", 4, 0, (struct sockaddr *)&from, len), 4);
	expect_equal(recv(fa, data, 10, 0), 4);
	close(fa);
	close(fb);
}

/* A socket that is not read cannot use all memory. */
static void a_queue_ends(void)
{
	static char data[1000];
	struct sockaddr_storage a;
	socklen_t la;
	int fd = bound(AF_INET, &a, &la), n = 0;

	for (int i = 0; i < 2000; i++)
		expect_equal(sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&a, la), 1000);
	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		n++;
	expect(n > 50 && n < 1000);
	close(fd);
}

static void ping_is_answered(int family, int protocol, const char *name)
{
	unsigned char packet[16] = { family == AF_INET ? 8 : 128 }, answer[200];
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_RAW }, *to;
	struct timeval tv = { .tv_sec = 2 };
	int fd = socket(family, SOCK_RAW, protocol);
	size_t header = family == AF_INET ? 20 : 0;
	unsigned sum = 0;
	ssize_t n;

	expect(fd >= 0);
	expect_equal(getaddrinfo(name, NULL, &hints, &to), 0);
	memcpy(packet + 4, "\x12\x34\x00\x01" "xenolith", 12);
	if (family == AF_INET) {
		for (int i = 0; i < 16; i += 2)
			sum += packet[i] << 8 | packet[i + 1];
		sum = ~((sum & 0xffff) + (sum >> 16));
		packet[2] = sum >> 8;
		packet[3] = sum;
	}
	expect_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	if (family == AF_INET6) {		/* no place for the checksum */
		expect_equal(sendto(fd, packet, 3, 0, to->ai_addr, to->ai_addrlen), -1);
		expect_equal(errno, EINVAL);
	}
	expect_equal(sendto(fd, packet, sizeof(packet), 0, to->ai_addr, to->ai_addrlen), 16);
	do {		/* the socket also receives the sent packet */
		n = recv(fd, answer, sizeof(answer), 0);
		expect_equal(n, header + sizeof(packet));
	} while (answer[header] == packet[0]);
	expect_equal(answer[header], family == AF_INET ? 0 : 129);
	expect(!memcmp(answer + header + 4, packet + 4, 12));
	freeaddrinfo(to);
	close(fd);
}

static void numbers_are_names(void)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	char host[100], service[20];
	struct sockaddr_in6 *in6;

	expect_equal(getaddrinfo("10.1.2.3", "http", &hints, &list), 0);
	expect_equal(list->ai_family, AF_INET);
	expect_equal(list->ai_protocol, IPPROTO_TCP);
	expect(!list->ai_next);
	expect_equal(getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof(host), service,
				 sizeof(service), 0), 0);
	expect(!strcmp(host, "10.1.2.3") && !strcmp(service, "http"));
	expect_equal(getnameinfo(list->ai_addr, list->ai_addrlen, host, 5, NULL, 0, 0),
		     EAI_OVERFLOW);
	freeaddrinfo(list);
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	expect_equal(getaddrinfo("2001:db8::7", "8080", &hints, &list), 0);
	in6 = (struct sockaddr_in6 *)list->ai_addr;
	expect_equal(list->ai_family, AF_INET6);
	expect_equal(ntohs(in6->sin6_port), 8080);
	freeaddrinfo(list);
	expect_equal(getaddrinfo("example.org", "80", &hints, &list), EAI_NONAME);
	expect_equal(getaddrinfo("1.2.3.4", "http", &hints, &list), EAI_NONAME);
	expect_equal(getaddrinfo(NULL, NULL, &hints, &list), EAI_NONAME);
	expect_equal(getaddrinfo("1.2.3.4", "99999", &hints, &list), EAI_SERVICE);
	hints = (struct addrinfo){ .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_DGRAM };
	expect_equal(getaddrinfo(NULL, "53", &hints, &list), 0);
	expect(list->ai_next && !list->ai_next->ai_next);
	expect_equal(list->ai_protocol, IPPROTO_UDP);
	freeaddrinfo(list);
	expect_equal(getaddrinfo("localhost", NULL, NULL, &list), 0);
	freeaddrinfo(list);
	hints = (struct addrinfo){ .ai_family = 77 };
	expect_equal(getaddrinfo("1.2.3.4", NULL, &hints, &list), EAI_FAMILY);
	expect(gethostbyname("127.0.0.1") && !gethostbyname("bad name!"));
	expect_equal(ntohs(getservbyname("https", "tcp")->s_port), 443);
}

static void text_is_exact(void)
{
	static const char *const same[] = {
		"::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "1:0:0:2::3",
		"::ffff:1.2.3.4", "fe80::1:2", "1:2:3:4:5:6:7:8", "::1.2.3.4", "0:0:1::",
		"::2", "::ffff",
	};
	static const char *const bad[] = {
		"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::",
		"::1.2.3", "::1.2.3.256", "g::", "1:", ":1", "1.2.3.4", "::1 ", "1:2:3:4:5:6:7::8:9",
		"1:2:3:4:5:6:7:1.2.3.4",
	};
	static const char *const bad4[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4",
					    "1.2.3.4 ", "1..2.3", "0x1.2.3.4", "1.2.3.+4" };
	char text[INET6_ADDRSTRLEN], name[IF_NAMESIZE];
	struct in6_addr a6;
	struct in_addr a4;

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		if (inet_pton(AF_INET6, same[i], &a6) != 1)
			test_failure("%s is an address", same[i]);
		if (strcmp(inet_ntop(AF_INET6, &a6, text, sizeof(text)), same[i]))
			test_failure("%s becomes %s", same[i], text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (inet_pton(AF_INET6, bad[i], &a6))
			test_failure("%s is not an address", bad[i]);
	for (size_t i = 0; i < sizeof(bad4) / sizeof(*bad4); i++)
		if (inet_pton(AF_INET, bad4[i], &a4))
			test_failure("%s is not an address", bad4[i]);
	expect_equal(inet_pton(AF_INET, "1.20.255.0", &a4), 1);
	expect(!strcmp(inet_ntoa(a4), "1.20.255.0"));
	expect(!inet_ntop(AF_INET, &a4, text, 10) && errno == ENOSPC);
	expect(inet_aton("127.1", &a4) && a4.s_addr == htonl(0x7f000001));
	expect(inet_aton("0x7f000001", &a4) && !inet_aton("1.2.3.4.5", &a4));
	expect(!inet_aton("1.256.1", &a4) && inet_addr("x") == INADDR_NONE);
	expect_equal(if_nametoindex("nothing0"), 0);
	expect(if_indextoname(1, name) && if_nametoindex(name) == 1);
}

int main(void)
{
	text_is_exact();
	the_interface_of_groups_is_told();
	scopes_are_of_local_addresses();
	datagrams_keep_their_ends(AF_INET);
	datagrams_keep_their_ends(AF_INET6);
	connected_datagrams_are_from_the_peer();
	messages_have_pieces();
	ipv6_datagrams_take_ipv4();
	a_queue_ends();
	ping_is_answered(AF_INET, IPPROTO_ICMP, "127.0.0.1");
	ping_is_answered(AF_INET6, IPPROTO_ICMPV6, "::1");
	numbers_are_names();
	test_success();
}
