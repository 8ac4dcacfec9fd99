/* SPDX-License-Identifier: ISC */
/*
 * Queries to DNS servers, over UDP, and over TCP if the response is truncated (RFC 7766).
 * Each lookup has its own socket with a random port, and each query a random id.
 * Responses from other addresses, or to other queries, are ignored (RFC 5452).
 */
#include "lib/netdb/query.h"

#include "kernel/clock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE (20 * NSEC_PER_SEC)	/* timeout of a lookup */
#define TCP_PATIENCE (10 * NSEC_PER_SEC)

#define BADVERS 16			/* RFC 6891, 9 */

/* ---- UDP */

static int open_socket(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 me = { .sin6_family = AF_INET6 };

	for (int i = 0; fd >= 0 && i < 32; i++) {
		uint16_t port;

		if (getrandom(&port, sizeof(port), 0) != sizeof(port))
			break;
		me.sin6_port = htons(port | 1024);
		if (!bind(fd, (struct sockaddr *)&me, sizeof(me)))
			return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool make_query(const struct lookup *l, struct question *q, bool edns)
{
	q->edns = edns;
	q->len = dnsmsg_query(q->query, q->id, l->name, q->type, edns);
	return q->len;
}

static void send_query(struct lookup *l, unsigned server, const struct question *q)
{
	sendto(l->fd, q->query, q->len, MSG_DONTWAIT,
	       (const struct sockaddr *)&l->servers[server], sizeof(l->servers[server]));
}

static int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = clock_now();

	return now >= deadline ? 0 :
	       poll(&p, 1, (deadline - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
}

/* ---- TCP */

/* Returns false if the connection failed or the deadline has passed. */
static bool transfer(int fd, bool out, void *bytes, size_t len, uint64_t deadline)
{
	for (uint8_t *at = bytes; len;) {
		ssize_t n = out ? send(fd, at, len, MSG_NOSIGNAL) : recv(fd, at, len, 0);

		if (n < 0 && errno == EAGAIN) {
			if (wait_for(fd, out ? POLLOUT : POLLIN, deadline) <= 0)
				return false;
			continue;
		}
		if (n <= 0)
			return false;
		at += n;
		len -= n;
	}
	return true;
}

static bool connect_to(int fd, const struct sockaddr_in6 *server, uint64_t deadline)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (!connect(fd, (const struct sockaddr *)server, sizeof(*server)))
		return true;
	return errno == EINPROGRESS && wait_for(fd, POLLOUT, deadline) > 0 &&
	       !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) && !error;
}

/* Returns the response, allocated by malloc(), or NULL. */
static uint8_t *query_by_tcp(const struct sockaddr_in6 *server, struct question *q, size_t *len,
			   uint64_t deadline)
{
	uint8_t request[2 + DNSMSG_QUERY_MAX] = { q->len >> 8, q->len }, head[2];
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	uint8_t *m = NULL;

	if (fd < 0)
		return NULL;
	memcpy(request + 2, q->query, q->len);
	if (connect_to(fd, server, deadline) &&
	    transfer(fd, true, request, 2 + q->len, deadline) &&
	    transfer(fd, false, head, 2, deadline)) {
		*len = head[0] << 8 | head[1];
		m = malloc(*len + !*len);
		if (m && !transfer(fd, false, m, *len, deadline)) {
			free(m);
			m = NULL;
		}
	}
	close(fd);
	return m;
}

/* ---- responses */

/* Parses a response, with memory for the maximum number of addresses. */
static bool read_answer(struct question *q, const uint8_t *m, size_t len)
{
	struct dnsmsg_answer answer;
	size_t most = q->type == DNSMSG_PTR ? 0 : len / 12;
	void *to = malloc(most * (q->type == DNSMSG_A ? 4 : 16) + 1);

	if (!to || !dnsmsg_read(m, len, q->query, q->len, to, most, &answer)) {
		free(to);
		return false;
	}
	free(q->addresses);
	q->addresses = to;
	q->answer = answer;
	return true;
}

static bool is_final(unsigned rcode)
{
	return rcode == DNSMSG_NOERROR || rcode == DNSMSG_NXDOMAIN;
}

/* The response was truncated. If TCP fails too, the truncated one is used. */
static void retry_by_tcp(struct lookup *l, unsigned server, struct question *q)
{
	uint64_t deadline = clock_now() + TCP_PATIENCE;
	size_t len;
	uint8_t *m = query_by_tcp(&l->servers[server], q, &len,
				deadline < l->deadline ? deadline : l->deadline);

	q->answered = m && read_answer(q, m, len) && is_final(q->answer.rcode);
	q->failed = !q->answered;
	free(m);
}

/* now: the server that was queried last. */
static void process_response(struct lookup *l, unsigned server, unsigned now, struct question *q)
{
	unsigned rcode = q->answer.rcode;

	if (is_final(rcode)) {
		if (q->answer.truncated)
			retry_by_tcp(l, server, q);
		else
			q->answered = true;
		return;
	}
	/* Servers without EDNS reply with one of these codes (RFC 6891, 7). */
	if (q->edns && (rcode == DNSMSG_FORMERR || rcode == DNSMSG_NOTIMP || rcode == BADVERS)) {
		if (make_query(l, q, false))
			send_query(l, server, q);
	} else if (server == now) {
		q->failed = true;
	}
}

static unsigned server_of(const struct lookup *l, const struct sockaddr_in6 *from)
{
	unsigned i = 0;

	while (i < l->queried &&
	       !(from->sin6_port == l->servers[i].sin6_port &&
		 IN6_ARE_ADDR_EQUAL(&from->sin6_addr, &l->servers[i].sin6_addr)))
		i++;
	return i;
}

static void receive(struct lookup *l, unsigned now)
{
	struct sockaddr_in6 from = { 0 };
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(l->fd, l->message, sizeof(l->message), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_len);
	unsigned server = server_of(l, &from);

	if (n <= 0 || server == l->queried)
		return;
	for (struct question *q = l->questions; q < l->questions + l->count; q++)
		if (!q->answered && read_answer(q, l->message, n)) {
			process_response(l, server, now, q);
			return;
		}
}

static bool is_done(const struct lookup *l)
{
	for (unsigned i = 0; i < l->count; i++)
		if (!l->questions[i].answered && !l->questions[i].failed)
			return false;
	return true;
}

static bool all_answered(const struct lookup *l)
{
	for (unsigned i = 0; i < l->count; i++)
		if (!l->questions[i].answered)
			return false;
	return true;
}

static bool has_addresses(const struct lookup *l)
{
	for (unsigned i = 0; i < l->count; i++)
		if (l->questions[i].answered && l->questions[i].answer.count)
			return true;
	return false;
}

static void query_server(struct lookup *l, unsigned server, uint64_t deadline)
{
	l->queried = server >= l->queried ? server + 1 : l->queried;
	for (unsigned i = 0; i < l->count; i++) {
		l->questions[i].failed = false;
		if (!l->questions[i].answered)
			send_query(l, server, &l->questions[i]);
	}
	while (!is_done(l) && wait_for(l->fd, POLLIN, deadline) > 0)
		receive(l, server);
}

static void query_servers(struct lookup *l)
{
	l->deadline = clock_now() + PATIENCE;
	for (unsigned i = 0; i < l->attempts * l->nservers; i++) {
		uint64_t wait = (l->timeout * NSEC_PER_SEC) << i / l->nservers;
		uint64_t now = clock_now();

		if (now >= l->deadline || all_answered(l))
			return;
		/*
		 * If a server replies for one family only, do not wait long for the
		 * other.
		 */
		if (i && i >= l->nservers && has_addresses(l))
			return;
		query_server(l, i % l->nservers,
			     now + wait < l->deadline ? now + wait : l->deadline);
	}
}

void query_add(struct lookup *l, uint16_t type)
{
	l->questions[l->count++].type = type;
}

static bool begin(struct lookup *l, const char *name)
{
	uint16_t ids[2];

	l->name = name;
	l->queried = 0;
	if (getrandom(ids, sizeof(ids), 0) != sizeof(ids))
		return false;
	ids[1] += ids[1] == ids[0];
	for (unsigned i = 0; i < l->count; i++) {
		struct question *q = &l->questions[i];

		free(q->addresses);
		*q = (struct question){ .type = q->type, .id = ids[i] };
		if (!make_query(l, q, true))
			return false;
	}
	return true;
}

static int result_of(const struct lookup *l)
{
	bool exists = false, open = false;

	for (unsigned i = 0; i < l->count; i++) {
		const struct question *q = &l->questions[i];

		if (q->answer.count && (q->answered || q->answer.truncated))
			return 0;
		open |= !q->answered;
		exists |= q->answered && q->answer.rcode == DNSMSG_NOERROR;
	}
	return open ? EAI_AGAIN : exists ? EAI_NODATA : EAI_NONAME;
}

/* Queries one name, without the search list. */
int query_name(struct lookup *l, const char *name)
{
	if (!begin(l, name))
		return EAI_NONAME;
	l->fd = open_socket();
	if (l->fd < 0)
		return EAI_SYSTEM;
	query_servers(l);
	close(l->fd);
	return result_of(l);
}
