/* SPDX-License-Identifier: ISC */
/*
 * Questions to DNS servers, over UDP, and over TCP where the answer is too long for that (RFC
 * 7766).  Each lookup has a socket of its own with a random port, each question a random
 * identifier; what does not come from a server that was asked, or does not repeat the question,
 * is ignored (RFC 5452).
 */
#include "lib/netdb/resolve.h"

#include "kernel/clock.h"
#include "kernel/sched.h"
#include "net/net.h"
#include "net/servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 53
#define PATIENCE (20 * NSEC_PER_SEC)	/* for the servers to answer */
#define TCP_PATIENCE (10 * NSEC_PER_SEC)
#define MESSAGE 4096
#define BADVERS 16			/* RFC 6891, 9 */
#define ASKED_MOST 6			/* servers */

struct question {
	uint8_t query[DNSMSG_QUERY_MAX];
	size_t len;
	uint16_t id, type;
	bool edns, settled, refused;	/* refused: by the server that is asked now */
	void *addresses;		/* of 4 or 16 bytes */
	struct dnsmsg_answer answer;
};

struct lookup {
	const char *name;
	struct sockaddr_in6 servers[ASKED_MOST];
	unsigned nservers, asked;
	unsigned timeout, attempts;
	uint64_t deadline;
	int fd;
	struct question questions[2];
	unsigned count;
	uint8_t message[MESSAGE];
};

/* ---- the servers */

static void add_server(struct lookup *l, const struct address *a)
{
	struct sockaddr_in6 *to = &l->servers[l->nservers];

	if (l->nservers == ASKED_MOST)
		return;
	*to = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	if (a->family == AF_INET6) {
		to->sin6_addr = a->v6;
		to->sin6_scope_id = a->scope;
	} else {
		to->sin6_addr.s6_addr32[2] = htonl(0xffff);
		to->sin6_addr.s6_addr32[3] = a->v4.s_addr;
	}
	l->nservers++;
}

static void add_servers(struct lookup *l, enum servers_source first, enum servers_source last)
{
	ip_addr_t list[SERVERS_MAX];
	unsigned n = servers_get(first, last, list);

	for (unsigned i = 0; i < n; i++) {
		struct address a = { .family = IP_IS_V6(&list[i]) ? AF_INET6 : AF_INET };

		if (a.family == AF_INET) {
			a.v4.s_addr = ip4_addr_get_u32(ip_2_ip4(&list[i]));
		} else {
			memcpy(&a.v6, ip_2_ip6(&list[i])->addr, sizeof(a.v6));
			a.scope = ip6_addr_zone(ip_2_ip6(&list[i]));
		}
		add_server(l, &a);
	}
}

/*
 * Those of the command line, of the image, of the network.  An address and a server are waited
 * for; 0 or EAI_*.
 */
static int find_servers(struct lookup *l, const struct conf *c)
{
	int rc;

	kernel_enter();
	rc = net_init();
	if (!rc) {
		net_wait_up(0, clock_now() + NET_PATIENCE);
		if (!c->count)
			servers_wait(clock_now() + NET_PATIENCE);
		add_servers(l, SERVERS_GIVEN, SERVERS_GIVEN);
		for (unsigned i = 0; i < c->count; i++)
			add_server(l, &c->servers[i]);
		add_servers(l, SERVERS_DHCP, SERVERS_ROUTER);
	}
	kernel_leave();
	return rc ? EAI_MEMORY : l->nservers ? 0 : EAI_AGAIN;
}

/* ---- one socket */

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

/* False: it failed, or the deadline is over. */
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

/* The message, malloc()'d; NULL: there was none. */
static uint8_t *ask_by_tcp(const struct sockaddr_in6 *server, struct question *q, size_t *len,
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

/* ---- answers */

/* Room for all that a message can have. */
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

/* What UDP has no room for.  A part is better than nothing, where TCP fails. */
static void ask_again_by_tcp(struct lookup *l, unsigned server, struct question *q)
{
	uint64_t deadline = clock_now() + TCP_PATIENCE;
	size_t len;
	uint8_t *m = ask_by_tcp(&l->servers[server], q, &len,
				deadline < l->deadline ? deadline : l->deadline);

	q->settled = m && read_answer(q, m, len) && is_final(q->answer.rcode);
	q->refused = !q->settled;
	free(m);
}

/* now: the server that is asked. */
static void judge(struct lookup *l, unsigned server, unsigned now, struct question *q)
{
	unsigned rcode = q->answer.rcode;

	if (is_final(rcode)) {
		if (q->answer.truncated)
			ask_again_by_tcp(l, server, q);
		else
			q->settled = true;
		return;
	}
	/* Who does not know EDNS says so, in one of these ways (RFC 6891, 7). */
	if (q->edns && (rcode == DNSMSG_FORMERR || rcode == DNSMSG_NOTIMP || rcode == BADVERS)) {
		if (make_query(l, q, false))
			send_query(l, server, q);
	} else if (server == now) {
		q->refused = true;
	}
}

static unsigned server_of(const struct lookup *l, const struct sockaddr_in6 *from)
{
	unsigned i = 0;

	while (i < l->asked &&
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

	if (n <= 0 || server == l->asked)
		return;
	for (struct question *q = l->questions; q < l->questions + l->count; q++)
		if (!q->settled && read_answer(q, l->message, n)) {
			judge(l, server, now, q);
			return;
		}
}

/* ---- all of it */

static bool over(const struct lookup *l)
{
	for (unsigned i = 0; i < l->count; i++)
		if (!l->questions[i].settled && !l->questions[i].refused)
			return false;
	return true;
}

static bool settled(const struct lookup *l)
{
	for (unsigned i = 0; i < l->count; i++)
		if (!l->questions[i].settled)
			return false;
	return true;
}

static bool has_addresses(const struct lookup *l)
{
	for (unsigned i = 0; i < l->count; i++)
		if (l->questions[i].settled && l->questions[i].answer.count)
			return true;
	return false;
}

static void ask_server(struct lookup *l, unsigned server, uint64_t deadline)
{
	l->asked = server >= l->asked ? server + 1 : l->asked;
	for (unsigned i = 0; i < l->count; i++) {
		l->questions[i].refused = false;
		if (!l->questions[i].settled)
			send_query(l, server, &l->questions[i]);
	}
	while (!over(l) && wait_for(l->fd, POLLIN, deadline) > 0)
		receive(l, server);
}

static void ask_all(struct lookup *l)
{
	l->deadline = clock_now() + PATIENCE;
	for (unsigned i = 0; i < l->attempts * l->nservers; i++) {
		uint64_t wait = (l->timeout * NSEC_PER_SEC) << i / l->nservers;
		uint64_t now = clock_now();

		if (now >= l->deadline || settled(l))
			return;
		/* A server that is silent about one family only is not waited for long. */
		if (i && i >= l->nservers && has_addresses(l))
			return;
		ask_server(l, i % l->nservers, now + wait < l->deadline ? now + wait : l->deadline);
	}
}

static void add_question(struct lookup *l, uint16_t type)
{
	l->questions[l->count++].type = type;
}

static bool begin(struct lookup *l, const char *name)
{
	uint16_t ids[2];

	l->name = name;
	l->asked = 0;
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

static int verdict(const struct lookup *l)
{
	bool exists = false, open = false;

	for (unsigned i = 0; i < l->count; i++) {
		const struct question *q = &l->questions[i];

		if (q->answer.count && (q->settled || q->answer.truncated))
			return 0;
		open |= !q->settled;
		exists |= q->settled && q->answer.rcode == DNSMSG_NOERROR;
	}
	return open ? EAI_AGAIN : exists ? EAI_NODATA : EAI_NONAME;
}

/* One name, as it is. */
static int ask(struct lookup *l, const char *name)
{
	if (!begin(l, name))
		return EAI_NONAME;
	l->fd = open_socket();
	if (l->fd < 0)
		return EAI_SYSTEM;
	ask_all(l);
	close(l->fd);
	return verdict(l);
}

static void end(struct lookup *l)
{
	for (unsigned i = 0; i < l->count; i++)
		free(l->questions[i].addresses);
	free(l);
}

static struct lookup *lookup_new(struct conf *c, int *error)
{
	struct lookup *l = calloc(1, sizeof(*l));

	*error = EAI_MEMORY;
	if (!l)
		return NULL;
	conf_read(c);
	l->timeout = c->timeout;
	l->attempts = c->attempts;
	*error = find_servers(l, c);
	if (!*error)
		return l;
	free(l);
	return NULL;
}

bool found_add(struct found *f, const struct address *a)
{
	struct address *list = f->list;

	if (!(f->count & (f->count - 1)))	/* a power of 2, or 0: all are taken */
		list = realloc(list, (f->count ? 2 * f->count : 1) * sizeof(*list));
	if (!list)
		return false;
	f->list = list;
	list[f->count++] = *a;
	return true;
}

static int take(const struct lookup *l, struct found *f)
{
	for (unsigned i = 0; i < l->count; i++) {
		const struct question *q = &l->questions[i];
		size_t size = q->type == DNSMSG_A ? 4 : 16;
		struct address a = { .family = q->type == DNSMSG_A ? AF_INET : AF_INET6 };

		if (q->answer.count)
			strcpy(f->name, q->answer.name);
		for (unsigned n = 0; n < q->answer.count; n++) {
			memcpy(&a.v6, (char *)q->addresses + n * size, size);
			if (!found_add(f, &a))
				return EAI_MEMORY;
		}
	}
	return 0;
}

static bool is_host(const char *name)
{
	uint8_t query[DNSMSG_QUERY_MAX];

	return dnsmsg_query(query, 0, name, DNSMSG_A, false);
}

static unsigned dots(const char *name)
{
	unsigned n = 0;

	for (; *name; name++)
		n += *name == '.';
	return n;
}

/*
 * As resolv.conf(5) has it: a name with enough dots is tried as it is, then with each domain of
 * the search list; another one in the other order; one that ends with a dot only as it is.
 */
static int search(struct lookup *l, const struct conf *c, const char *name)
{
	bool whole = name[strlen(name) - 1] == '.', first = whole || dots(name) >= c->ndots;
	int error = first ? ask(l, name) : EAI_NONAME, none = error;
	char longer[2 * DNSMSG_NAME_MAX];

	for (unsigned i = 0; i < c->searches && !whole; i++) {
		if (error != EAI_NONAME && error != EAI_NODATA)
			return error;
		snprintf(longer, sizeof(longer), "%s.%s", name, c->search[i]);
		error = is_host(longer) ? ask(l, longer) : EAI_NONAME;
		none = error == EAI_NODATA ? error : none;
	}
	if (!first && (error == EAI_NONAME || error == EAI_NODATA)) {
		error = ask(l, name);
		none = error == EAI_NODATA ? error : none;
	}
	return error == EAI_NONAME ? none : error;
}

int resolve(const char *name, bool want4, bool want6, struct found *f)
{
	struct conf c;
	struct lookup *l;
	int error;

	if (!is_host(name))
		return EAI_NONAME;
	if (!hosts_find(name, want4, want6, f))
		return EAI_MEMORY;
	if (f->count)
		return 0;
	l = lookup_new(&c, &error);
	if (!l)
		return error;
	if (want6)
		add_question(l, DNSMSG_AAAA);
	if (want4)
		add_question(l, DNSMSG_A);
	error = search(l, &c, name);
	if (!error)
		error = take(l, f);
	end(l);
	return error;
}

int resolve_address(const struct address *a, char name[DNSMSG_NAME_MAX])
{
	const uint8_t *b = a->family == AF_INET ? (const uint8_t *)&a->v4 : a->v6.s6_addr;
	char text[80], *at = text;
	struct conf c;
	struct lookup *l;
	int error;

	if (hosts_name(a, name))
		return 0;
	if (a->family == AF_INET)
		snprintf(text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa.", b[3], b[2], b[1], b[0]);
	for (int i = 15; a->family == AF_INET6 && i >= 0; i--)
		at += sprintf(at, "%x.%x.%s", b[i] & 15, b[i] >> 4, i ? "" : "ip6.arpa.");
	l = lookup_new(&c, &error);
	if (!l)
		return error;
	add_question(l, DNSMSG_PTR);
	error = ask(l, text);
	if (!error)
		strcpy(name, l->questions[0].answer.name);
	end(l);
	return error;
}
