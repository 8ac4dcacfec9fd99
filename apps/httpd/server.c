/* SPDX-License-Identifier: ISC */
/*
 * The event loop: accepts connections, waits, enforces timeouts.
 *
 * The monotonic clock is read once per turn, the wall clock once per second. All
 * connections in a phase have the same timeout, so each phase has a list in the order of
 * deadlines, and nothing is sorted.
 */
#include "apps/httpd/log.h"
#include "apps/httpd/server.h"
#include "apps/httpd/stream.h"
#include "apps/httpd/tls.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * In one turn at most EVENTS connections and ACCEPTS new ones send SHARE bytes each, or
 * fewer connections more. A new connection waits no longer than that.
 */
#define EVENTS 64
#define ACCEPTS 64
#define SHARE (64 << 10)
#define SHARE_MOST (1 << 20)

#define RESERVE (512 << 10)		/* bytes that stay free: a SYN needs some */

struct server server;

/* ---- time */

static void update_clock(void)
{
	struct timespec t;
	int64_t passed;

	clock_gettime(CLOCK_MONOTONIC, &t);
	server.now = t.tv_sec * 1000 + t.tv_nsec / 1000000;
	if (server.now < server.next_second)
		return;
	clock_gettime(CLOCK_REALTIME, &t);
	server.wall = t.tv_sec;
	server.next_second = server.now + 1000 - t.tv_nsec / 1000000;
	date_write(server.date, server.wall);
	date_write_log(server.log_date, server.wall);
	passed = server.now - server.last_second;
	if (passed < 500)			/* first call, or the wall clock was changed */
		return;
	server.count.rate = (server.count.requests - server.last_requests) * 1000 / passed;
	server.count.sent_rate = (server.count.sent - server.last_sent) * 1000 / passed;
	server.last_requests = server.count.requests;
	server.last_sent = server.count.sent;
	server.last_second = server.now;
}

/* ---- phases */

static void leave_phase(struct connection *c)
{
	struct phase_list *list = &server.phases[c->phase];

	*(c->previous ? &c->previous->next : &list->first) = c->next;
	*(c->next ? &c->next->previous : &list->last) = c->previous;
	list->count--;
}

static void enter_phase(struct connection *c, enum phase phase)
{
	struct phase_list *list = &server.phases[phase];

	c->phase = phase;
	c->deadline = server.now + list->limit;
	c->progress = server.now;
	c->next = NULL;
	c->previous = list->last;
	*(list->last ? &list->last->next : &list->first) = c;
	list->last = c;
	list->count++;
}

void connection_phase(struct connection *c, enum phase phase)
{
	leave_phase(c);
	enter_phase(c, phase);
}

/*
 * A socket may buffer much before it is writable again. So the bytes that the peer has
 * acknowledged are checked when they matter.
 */
static bool has_progress(struct connection *c)
{
	if (c->phase != SEND || !connection_acked(c))
		return false;
	connection_phase(c, SEND);
	return true;
}

static void enforce_limits(void)
{
	for (int i = 0; i < PHASES; i++)
		while (server.phases[i].first && server.phases[i].first->deadline <= server.now) {
			if (i == SEND && has_progress(server.phases[i].first))
				continue;
			server.count.timeouts[i]++;
			connection_timed_out(server.phases[i].first);
		}
}

static int until_next_limit(void)
{
	int64_t next = server.accept_again ?: INT64_MAX;

	for (int i = 0; i < PHASES; i++)
		if (server.phases[i].first && server.phases[i].first->deadline < next)
			next = server.phases[i].first->deadline;
	next -= server.now;
	return next > INT_MAX ? -1 : next < 0 ? 0 : next;
}

/* ---- connections */

void connection_wait(struct connection *c, uint32_t events)
{
	struct epoll_event e = { .data.ptr = c };

	c->wants = events;
	e.events = events = stream_wants(c, events);
	if (c->known && c->events == events)
		return;
	if (epoll_ctl(server.epoll, c->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e) < 0) {
		server.count.errors++;
		connection_close(c);
		return;
	}
	c->known = true;
	c->events = events;
}

/* ---- addresses */

bool same_client(const struct in6_addr *a, const struct in6_addr *b)
{
	return !memcmp(a, b, IN6_IS_ADDR_V4MAPPED(a) ? 16 : 8);
}

static struct connection **chain_of(const struct in6_addr *a)
{
	uint64_t network, host = 0;

	memcpy(&network, a, 8);
	if (IN6_IS_ADDR_V4MAPPED(a))
		memcpy(&host, &a->s6_addr[8], 8);
	network = (network ^ server.hash_key) * 0x9e3779b97f4a7c15;
	network = (network ^ network >> 29 ^ host) * 0xbf58476d1ce4e5b9;
	return &server.addresses[(network ^ network >> 32) % CHAINS];
}

static void leave_chain(struct connection *c)
{
	struct connection **p = chain_of(&c->client);

	while (*p != c)
		p = &(*p)->neighbour;
	*p = c->neighbour;
}

/* Later events of this turn may refer to it, so it is freed at the end of the turn. */
void connection_close(struct connection *c)
{
	if (c->fd < 0)
		return;
	leave_phase(c);
	leave_chain(c);
	close(c->fd);
	c->fd = -1;
	c->next = server.closed;
	server.closed = c;
	server.count.now--;
}

static void free_closed(void)
{
	while (server.closed) {
		struct connection *c = server.closed;

		server.closed = c->next;
		connection_free(c);
	}
}

static void set_client_address(struct connection *c, const struct sockaddr_storage *from)
{
	if (from->ss_family == AF_INET) {
		c->client = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
		memcpy(&c->client.s6_addr[12], &((struct sockaddr_in *)from)->sin_addr, 4);
	} else {
		c->client = ((struct sockaddr_in6 *)from)->sin6_addr;
	}
}

/*
 * When the limit of connections is reached, the connection whose progress is oldest is
 * closed for a new one. Progress is: the beginning of a header (not its further bytes),
 * OUTPUT_PROGRESS bytes of an upload, the acknowledgment of as many bytes of a response,
 * becoming idle, beginning to linger.
 * Each phase's list is in this order, which is also that of the deadlines. `except` is not
 * closed; it may be NULL.
 */
static struct connection *least_progress(const struct connection *except)
{
	struct connection *worst;

	do {
		worst = NULL;
		for (int i = 0; i < PHASES; i++) {
			struct connection *c = server.phases[i].first;

			if (c && c == except)
				c = c->next;
			if (c && (!worst || c->progress < worst->progress))
				worst = c;
		}
	} while (worst && has_progress(worst));
	return worst;
}

/* The same for an address that has reached its limit; NULL if it has not. */
static struct connection *least_progress_of(const struct in6_addr *client)
{
	struct connection *worst;
	uint64_t n;

	do {
		worst = NULL;
		n = 0;
		for (struct connection *c = *chain_of(client); c; c = c->neighbour) {
			if (!same_client(&c->client, client))
				continue;
			n++;
			if (!worst || c->progress <= worst->progress)
				worst = c;	/* later ones in the list are older */
		}
		if (n < server.options.per_address)
			return NULL;
	} while (has_progress(worst));
	return worst;
}

/* With a reset, because data in its socket's buffer needs memory too. */
void connection_evict(struct connection *c)
{
	struct linger reset = { .l_onoff = 1 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	server.count.evicted++;
	connection_close(c);
	connection_empty(c);
}

bool connection_make_room(const struct connection *c)
{
	struct connection *worst = least_progress(c);

	if (!worst || (c && worst->progress > c->progress))
		return false;
	connection_evict(worst);
	return true;
}

void *connection_alloc(const struct connection *c, size_t size)
{
	void *p = malloc(size);

	for (int i = 0; !p && i < RESETS_MAX && connection_make_room(c); i++)
		p = malloc(size);
	return p;
}

static bool memory_is_short(void)
{
	long pages = sysconf(_SC_AVPHYS_PAGES);

	return pages >= 0 && (uint64_t)pages * sysconf(_SC_PAGESIZE) < RESERVE;
}

static void make_room(const struct in6_addr *client)
{
	struct connection *c = least_progress_of(client);

	if (!c && server.count.now >= server.options.connections)
		c = least_progress(NULL);
	if (!c && memory_is_short()) {
		c = least_progress(NULL);
		if (c)
			connection_evict(c);
		return;
	}
	if (!c)
		return;
	server.count.evicted++;
	connection_close(c);
}

static void add_connection(int fd, const struct sockaddr_storage *from, bool tls)
{
	struct connection *c = connection_alloc(NULL, sizeof(*c)), **chain;
	int yes = 1;

	server.count.accepted++;
	if (!c) {
		server.count.refused++;
		close(fd);
		return;
	}
	*c = (struct connection){ .fd = fd };
	set_client_address(c, from);
	make_room(&c->client);
	if (tls && !stream_open(c)) {
		server.count.refused++;
		close(fd);
		free(c);
		return;
	}
	if (++server.count.now > server.count.most)
		server.count.most = server.count.now;
	enter_phase(c, HEADER);
	chain = chain_of(&c->client);
	c->neighbour = *chain;
	*chain = c;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	connection_readable(c);		/* a request has often arrived already */
}

/*
 * How many connections are accepted in a turn: so few that they cannot replace all
 * connections that make progress, which are processed in between.
 */
static uint64_t accepts(void)
{
	const struct options *o = &server.options;
	uint64_t places = o->connections < o->per_address ? o->connections : o->per_address;

	return places / 4 < ACCEPTS ? places / 4 + 1 : ACCEPTS;
}

static void accept_connections(struct listener *l)
{
	int resets = 0;

	if (l->tls)
		listeners_reload();

	for (uint64_t left = accepts(); left; left--) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		int fd;

		fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK);
		if (fd >= 0) {
			add_connection(fd, &from, l->tls);
			resets = 0;
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			   errno == ENOBUFS) {
			struct connection *worst = least_progress(NULL);

			if (worst && resets++ < RESETS_MAX) {
				connection_evict(worst);
				continue;
			}
			server.count.refused++;
			server.accept_again = server.now + 100;
			listeners_enable(false);
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

/* ---- the loop */

static size_t share(int n)
{
	size_t each = n > 0 ? EVENTS * SHARE / n : SHARE;

	return each < SHARE_MOST ? each : SHARE_MOST;
}

static void handle(const struct epoll_event *e)
{
	struct connection *c = e->data.ptr;

	if (c->fd < 0)
		;
	else if (!(e->events & (EPOLLIN | EPOLLOUT)))	/* EPOLLERR, EPOLLHUP */
		connection_close(c);
	else if (c->wants & EPOLLOUT)
		connection_writable(c);
	else
		connection_readable(c);
}

static bool set_up(void)
{
	server.phases[IDLE].limit = server.options.idle;
	server.phases[HEADER].limit = server.options.header;
	server.phases[UPLOAD].limit = server.options.send;
	server.phases[SEND].limit = server.options.send;
	server.phases[LINGER].limit = 5000;
	if (getrandom(&server.hash_key, sizeof(server.hash_key), 0) < 0)
		/* without random bytes, clients that choose addresses can slow the server */
		server.hash_key = (uintptr_t)&server;
	server.epoll = epoll_create1(0);
	if (server.epoll < 0) {
		fprintf(stderr, "httpd: epoll: %s\n", strerror(errno));
		return false;
	}
	listeners_catch_hup();
	return listeners_open();
}

static void announce(void)
{
	const struct options *o = &server.options;

	if (server.site.live)
		printf("httpd: serving the live folder %s", o->root);
	else
		printf("httpd: %zu names, %ju bytes of %s", server.site.count,
		       (uintmax_t)server.site.bytes, o->root);
	if (o->upload)
		printf("; uploads to %s", o->upload);
	if (o->tls)
		printf("; TLS at port %u", (unsigned)o->tls);
	printf(o->port ? "; port %u\n" : "\n", (unsigned)o->port);
	fflush(stdout);
}

int server_run(void)
{
	static struct epoll_event events[EVENTS];
	bool incoming[LISTENERS];

	if (!set_up())
		return 1;
	update_clock();
	server.start = server.last_second = server.now;
	announce();
	for (;;) {
		int n = epoll_pwait(server.epoll, events, EVENTS, until_next_limit(), &listeners_mask);

		if (n < 0 && errno != EINTR) {
			fprintf(stderr, "httpd: epoll_pwait: %s\n", strerror(errno));
			return 1;
		}
		update_clock();
		for (size_t i = 0; i < LISTENERS; i++)
			incoming[i] = n == EVENTS;	/* the listener's event may not fit */
		listeners_after_hup();
		server.share = share(n);
		for (int i = 0; i < n; i++)
			if (listener_of(events[i].data.ptr))
				incoming[listener_of(events[i].data.ptr) - server.listeners] = true;
			else
				handle(&events[i]);
		/* After the connections that make progress in this turn. */
		server.share = SHARE;
		for (size_t i = 0; i < LISTENERS; i++)
			if (incoming[i] && server.listeners[i].enabled && server.listeners[i].fd >= 0)
				accept_connections(&server.listeners[i]);
		enforce_limits();
		if (server.accept_again && server.now >= server.accept_again) {
			server.accept_again = 0;
			listeners_enable(true);
		}
		free_closed();
		log_flush();
	}
}
