/* SPDX-License-Identifier: ISC */
/*
 * server ADDRESS: a DNS server at this address, over UDP and TCP.  The first label of a
 * name selects the reply:
 *	many	30 addresses, one of which is there twice by UDP: truncated, and 60 by TCP
 *	tc	truncated and empty by UDP, an address by TCP
 *	alias	a chain of 3 aliases, behind the address
 *	forged	first answers from another port, of another identifier, for another name, then
 *		the right one
 *	loop	an alias of itself, and a name that points to itself
 *	noedns	FORMERR if the question has EDNS, else an address
 *	fails	SERVFAIL
 *	late	nothing the first time, an address the second
 *	four	an address; SERVFAIL for AAAA
 *	empty	no address
 *	h, hN	10.2.0.N
 *	junk	an invalid message, then an address
 * Other names, and names that do not end in .test, get NXDOMAIN.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { A = 1, CNAME = 5, PTR = 12, AAAA = 28 };

static int udp, other;
static struct sockaddr_in client;

struct message {
	uint8_t bytes[8000];
	int len;
};

static void put(struct message *m, const void *from, int len)
{
	memcpy(m->bytes + m->len, from, len);
	m->len += len;
}

static void record(struct message *m, uint16_t owner, uint8_t type, const void *data, uint8_t len)
{
	uint8_t head[] = { 0xc0 | owner >> 8, owner, 0, type, 0, 1, 0, 0, 0, 60, 0, len };

	put(m, head, sizeof(head));
	put(m, data, len);
	m->bytes[7]++;
}

static void address(struct message *m, uint16_t owner, uint32_t a)
{
	a = htonl(a);
	record(m, owner, A, &a, 4);
}

static void full_record(struct message *m, char owner, uint8_t type, const void *data,
			uint8_t len)
{
	uint8_t head[] = { 1, owner, 0, 0, type, 0, 1, 0, 0, 0, 60, 0, len };

	put(m, head, sizeof(head));
	put(m, data, len);
	m->bytes[7]++;
}

/* The address first: order means nothing. */
static void chain(struct message *m)
{
	full_record(m, 'c', A, "\12\2\0\1", 4);
	record(m, 12, CNAME, "\1a", 3);
	full_record(m, 'a', CNAME, "\1B", 3);
	full_record(m, 'b', CNAME, "\1c", 3);
}

static void forge(struct message m, int question)
{
	struct sockaddr *to = (struct sockaddr *)&client;

	address(&m, 12, 0x0a090909);
	sendto(other, m.bytes, m.len, 0, to, sizeof(client));
	m.bytes[0] ^= 0x55;
	sendto(udp, m.bytes, m.len, 0, to, sizeof(client));
	m.bytes[0] ^= 0x55;
	m.bytes[13] ^= 1;
	sendto(udp, m.bytes, m.len, 0, to, sizeof(client));
	m.bytes[13] ^= 1;
	m.len = question;
	m.bytes[7] = 0;
	put(&m, "\3bad\0\0\1\0\1\0\0\0\74\0\4\12\11\11\11", 19);
	m.bytes[7] = 1;
	m.bytes[2] &= ~0x80;
	sendto(udp, m.bytes, m.len, 0, to, sizeof(client));
	m.bytes[2] |= 0x80;
}

/* False: no answer. */
static int answer(const uint8_t *q, int len, struct message *m, int tcp)
{
	static int asked;
	char name[300] = "", first[64] = "";
	int i = 12, type, edns = q[11];

	while (i < len && q[i]) {
		strncat(name, (const char *)q + i + 1, q[i]);
		strcat(name, ".");
		i += q[i] + 1;
	}
	type = q[i + 1] << 8 | q[i + 2];
	m->len = 0;
	put(m, q, i + 5);
	m->bytes[2] = 0x81, m->bytes[3] = 0x80;
	memset(m->bytes + 6, 0, 6);
	printf("%s %s %d\n", tcp ? "tcp" : "udp", name, type);
	fflush(stdout);
	sscanf(name, "%63[^.]", first);
	if (type == PTR && !strcasecmp(name, "9.0.2.10.in-addr.arpa.")) {
		record(m, 12, PTR, "\4nine\4test", 11);
		return 1;
	}
	if (!strstr(name, ".test.") || strstr(name, "nowhere") || type == PTR) {
		m->bytes[3] |= 3;
		return 1;
	}
	if (strstr(name, ".search.test.") && strcmp(first, "found")) {
		m->bytes[3] |= 3;
		return 1;
	}
	if (!strcmp(first, "fails") || (!strcmp(first, "four") && type == AAAA)) {
		m->bytes[3] |= 2;
		return 1;
	}
	if (!strcmp(first, "noedns") && edns) {
		m->bytes[3] |= 1;
		return 1;
	}
	if (!strcmp(first, "late") && type == A)
		return asked++ ? address(m, 12, 0x0a020001), 1 : 0;
	if (!strcmp(first, "none")) {
		m->bytes[3] |= 3;
		return 1;
	}
	if (type != A)
		return 1;
	if (!strcmp(first, "many")) {
		for (int n = 0; n < (tcp ? 60 : 30); n++)
			address(m, 12, 0x0a020000 + n);
		m->bytes[2] |= tcp ? 0 : 2;
	} else if (!strcmp(first, "tc")) {
		if (tcp)
			address(m, 12, 0x0a020001);
		else
			m->bytes[2] |= 2;
	} else if (!strcmp(first, "alias")) {
		chain(m);
	} else if (!strcmp(first, "loop")) {
		uint8_t self[] = { 0xc0, 12 }, here[] = { 0xc0 | m->len >> 8, m->len };

		record(m, 12, CNAME, self, 2);
		put(m, here, 2);
		m->bytes[7]++;
	} else if (!strcmp(first, "forged")) {
		forge(*m, m->len);
		usleep(300000);
		address(m, 12, 0x0a020001);
	} else if (!strcmp(first, "junk")) {
		for (int n = 0; n < m->len; n++)
			sendto(udp, m->bytes, n, 0, (struct sockaddr *)&client, sizeof(client));
		address(m, 12, 0x0a020001);
	} else if (!strcmp(first, "found") || !strcmp(first, "noedns") ||
		   !strcmp(first, "four")) {
		address(m, 12, 0x0a020001);
	} else if (*first == 'h') {
		address(m, 12, 0x0a020000 + atoi(first + 1));
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in me = { .sin_family = AF_INET, .sin_port = htons(53) };
	int tcp = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	static struct message m;
	uint8_t q[2000];

	udp = socket(AF_INET, SOCK_DGRAM, 0);
	other = socket(AF_INET, SOCK_DGRAM, 0);
	me.sin_addr.s_addr = inet_addr(argc > 1 ? argv[1] : "127.0.0.1");
	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(udp, (void *)&me, sizeof(me)) || bind(tcp, (void *)&me, sizeof(me)) ||
	    listen(tcp, 5))
		return perror("bind"), 1;
	me.sin_port = 0;
	if (bind(other, (void *)&me, sizeof(me)))
		return perror("bind"), 1;
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct pollfd p[2] = { { udp, POLLIN, 0 }, { tcp, POLLIN, 0 } };
		socklen_t len = sizeof(client);

		if (poll(p, 2, -1) <= 0)
			continue;
		if (p[0].revents) {
			int n = recvfrom(udp, q, sizeof(q), 0, (void *)&client, &len);

			if (n > 16 && answer(q, n, &m, 0))
				sendto(udp, m.bytes, m.len, 0, (void *)&client, len);
		}
		if (p[1].revents) {
			int c = accept(tcp, NULL, NULL), n = recv(c, q, sizeof(q), MSG_PEEK);
			uint8_t head[2];

			n = recv(c, q, n < 2 ? 2 : sizeof(q), 0);
			if (n > 18 && answer(q + 2, n - 2, &m, 1)) {
				/* In parts, as a network may have it. */
				head[0] = m.len >> 8, head[1] = m.len;
				send(c, head, 1, MSG_NOSIGNAL);
				usleep(20000);
				send(c, head + 1, 1, MSG_NOSIGNAL);
				send(c, m.bytes, m.len, MSG_NOSIGNAL);
			}
			close(c);
		}
	}
}
