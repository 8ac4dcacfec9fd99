/* SPDX-License-Identifier: ISC */
/* A thousand connections at once, ten thousand in turn, and no memory lost by them. */
#include "tests/xen/socket/help.h"

#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>

#define AT_ONCE 1000
#define IN_TURN 10000

static size_t used(void)
{
	return mallinfo().uordblks;
}

static unsigned lent(void)
{
	struct net_stats s;

	net_stats(&s);
	return s.lent_used;
}

static void a_thousand_at_once(void)
{
	static int client[AT_ONCE], server[AT_ONCE];
	int listener = listening(AF_INET, 128), ep = epoll_create1(0), n, answered = 0;
	struct epoll_event e[64];
	char c[4];

	for (int i = 0; i < AT_ONCE; i++) {
		client[i] = connected_to(AF_INET, listener);
		server[i] = accept(listener, NULL, NULL);
		expect(server[i] >= 0);
		e[0] = (struct epoll_event){ .events = EPOLLIN, .data.u32 = i };
		expect_equal(epoll_ctl(ep, EPOLL_CTL_ADD, server[i], e), 0);
	}
	expect_equal(epoll_wait(ep, e, 64, 0), 0);
	for (int i = 0; i < AT_ONCE; i++)
		expect_equal(write(client[i], &i, 4), 4);
	while (answered < AT_ONCE) {
		n = epoll_wait(ep, e, 64, 5000);
		expect(n > 0);
		for (int i = 0; i < n; i++, answered++) {
			int fd = server[e[i].data.u32];

			expect_equal(read(fd, c, 4), 4);
			expect_equal(write(fd, c, 4), 4);
		}
	}
	for (int i = 0; i < AT_ONCE; i++) {
		int back;

		expect_equal(read(client[i], &back, 4), 4);
		expect_equal(back, i);
	}
	for (int i = 0; i < AT_ONCE; i++) {
		close(client[i]);
		close(server[i]);
	}
	close(ep);
	close(listener);
}

/*
 * The server closes first and is in TIME_WAIT; sometimes data is not read;
 * sometimes a reset.
 */
static void in_turn(int count)
{
	struct linger now = { .l_onoff = 1 };
	int listener = listening(AF_INET, 128), client, server;
	char c[4];

	for (int i = 0; i < count; i++) {
		client = connected_to(AF_INET, listener);
		expect_equal(write(client, "abc", 3), 3);
		server = accept(listener, NULL, NULL);
		expect(server >= 0);
		if (i % 4)
			expect_equal(read(server, c, 4), 3);
		expect_equal(write(server, "abc", 3), 3);
		if (i % 16 == 1)
			setsockopt(server, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(server);
		while (read(client, c, 4) > 0)
			;
		close(client);
	}
	close(listener);
}

static void ten_thousand_leave_no_trace(void)
{
	uint64_t start = now_ms();
	size_t before, after;
	unsigned pages;

	in_turn(2000);		/* as many in TIME_WAIT as there may ever be */
	before = used();
	pages = lent();
	in_turn(IN_TURN);
	after = used();
	printf("%d connections: %zu bytes before, %zu after, %u lent pages, %u ms\n", IN_TURN,
	       before, after, lent(), (unsigned)(now_ms() - start));
	expect(after < before + 64 * 1024);
	expect_equal(lent(), pages);
}

/*
 * Without accept(), the queue is limited, and clients that find it full repeat their SYN.
 */
static void a_backlog_has_an_end(void)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	int listener = listening(AF_INET, 8), fds[20], n = 0, waiting = 0;

	getsockname(listener, (struct sockaddr *)&name, &len);
	for (int i = 0; i < 20; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fds[i], (struct sockaddr *)&name, len))
			expect_equal(errno, EINPROGRESS);
	}
	usleep(100000);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	while (n < 100 && accept(listener, NULL, NULL) >= 0)
		n++;
	expect(n >= 8);
	for (int i = 0; i < 100 && n < 20; i++) {	/* the others ask again */
		usleep(100000);
		while (accept(listener, NULL, NULL) >= 0)
			n++, waiting++;
	}
	expect_equal(n, 20);
	expect(waiting > 0);
	for (int fd = 3; fd < 100; fd++)
		close(fd);
}

/* Peers that read nothing: they are sent more than there is memory, and have some of it. */
static void slow_readers_cost_little(void)
{
	static char data[60000];
	static int fds[300];
	int listener = listening(AF_INET, 128), server;
	size_t before;
	unsigned pages;

	before = used();
	pages = lent();
	for (int i = 0; i < 300; i++) {
		fds[i] = connected_to(AF_INET, listener);
		server = accept(listener, NULL, NULL);
		fcntl(server, F_SETFL, O_NONBLOCK);
		expect(write(server, data, sizeof(data)) > 0);
		for (int n = 0; n < 5; n++)
			write(server, data, sizeof(data));
		close(server);
	}
	printf("slow readers: %zu bytes while they wait\n", used() - before);
	expect(used() - before < 40 << 20);
	for (int i = 0; i < 300; i++) {
		expect(read(fds[i], data, sizeof(data)) > 0);
		close(fds[i]);
	}
	close(listener);
	/* A segment that was dropped because memory was exhausted is sent again. */
	for (int i = 0; i < 300 && used() > before + 128 * 1024; i++)
		usleep(100000);
	printf("slow readers: %zu bytes before, %zu after, %u lent pages\n", before, used(),
	       lent());
	expect(used() < before + 128 * 1024);
	expect_equal(lent(), pages);
}

/* Memory of acknowledged data is freed while the connection continues. */
static void a_long_connection_keeps_nothing(void)
{
	static char data[60000];
	unsigned pages = lent();
	int listener = listening(AF_INET, 1), client, server;

	client = connected_to(AF_INET, listener);
	server = accept(listener, NULL, NULL);
	for (int i = 0; i < 100; i++) {
		expect_equal(send(client, data, sizeof(data), 0), sizeof(data));
		expect_equal(recv(server, data, sizeof(data), MSG_WAITALL), sizeof(data));
	}
	usleep(600000);
	expect(lent() <= pages + 1);
	close(client);
	close(server);
	close(listener);
}

/* From an address that does not reply; lwIP does not check checksums on loopback. */
static void send_syn(int fd, const struct sockaddr_in *to, uint16_t port, uint32_t seq)
{
	struct {
		uint16_t from, to;
		uint32_t seq, ack;
		uint16_t flags, window, sum, urgent;
	} syn = {
		.from = htons(port), .to = to->sin_port, .seq = htonl(seq),
		.flags = htons(5 << 12 | 2), .window = htons(8192),
	};

	expect_equal(sendto(fd, &syn, sizeof(syn), 0, (const struct sockaddr *)to,
			    sizeof(*to)), sizeof(syn));
}

static void a_flood_of_syns_shuts_nobody_out(void)
{
	struct sockaddr_in from = { .sin_family = AF_INET }, to;
	int listener = listening(AF_INET, 128), fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	socklen_t len = sizeof(to);
	size_t before = used();
	uint64_t start;
	int client, server;

	from.sin_addr.s_addr = htonl(0x7f000005);
	expect_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	expect_equal(getsockname(listener, (struct sockaddr *)&to, &len), 0);
	for (int i = 0; i < 5000; i++)
		send_syn(fd, &to, 1024 + i, i * 77);
	for (int i = 0; i < 5000; i++)
		send_syn(fd, &to, 10000 + i, i * 77);
	printf("half open: %zu bytes\n", used() - before);
	expect(used() - before > 200 * 200);		/* they did come in */
	expect(used() - before < 256 * 1024);
	start = now_ms();
	client = connected_to(AF_INET, listener);
	expect(now_ms() - start < 500);
	server = accept(listener, NULL, NULL);
	expect_equal(write(client, "x", 1), 1);
	expect_equal(read(server, &len, 4), 1);
	close(client);
	close(server);
	close(listener);
	close(fd);
}

int main(void)
{
	a_thousand_at_once();
	a_long_connection_keeps_nothing();
	ten_thousand_leave_no_trace();
	a_backlog_has_an_end();
	a_flood_of_syns_shuts_nobody_out();
	slow_readers_cost_little();
	test_success();
}
