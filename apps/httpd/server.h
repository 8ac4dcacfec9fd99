/* SPDX-License-Identifier: ISC */
/*
 * The server's parts: the loop (server.c), a connection's input and output
 * (connection.c), what it counts and shows (status.c).  One thread.
 */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include "apps/httpd/date.h"
#include "apps/httpd/options.h"
#include "apps/httpd/reply.h"

#include <netinet/in.h>

#define INPUT_SIZE 8192			/* the largest header, and what is read at once */
#define OUTPUT_SIZE 65536		/* headers and small files, for many requests at once */
#define HEAD_MAX 8192			/* of one response */

/* What a connection is waiting for; each has its time limit. */
enum phase { IDLE, HEADER, SEND, LINGER, PHASES };

struct connection {
	int fd;				/* -1: closed, and freed at the end of the turn */
	enum phase phase;
	uint32_t events;		/* what epoll was told */
	bool known;			/* to epoll */
	bool closing;			/* after what is being sent */
	bool linger;			/* then wait for the client to have read it */
	int64_t deadline;
	int64_t progress;		/* when it last was any good: see least_progress() */
	struct connection *previous, *next;	/* of its phase, by deadline */

	char *in;			/* a header that is not all here, else NULL */
	size_t in_len, in_scanned;

	char *text;			/* what could not be sent at once, else NULL */
	size_t text_at, text_len;
	const struct representation *what;	/* and then this, from at to to */
	off_t at, to;
	struct parts *parts;		/* of several ranges, else NULL */
	struct representation *own;	/* made for this response alone */
	uint64_t given, taken;		/* to its socket; by its peer, when that was progress */
	size_t drained;			/* read and dropped while lingering */

	struct in6_addr client;
	struct connection *neighbour;	/* the next in its chain of addresses */
};

#define CHAINS 1024			/* of addresses, by a hash */

struct phase_list {
	struct connection *first, *last;
	int64_t limit;			/* milliseconds */
	unsigned count;
};

/* Statuses are counted each, up to 599. */
struct counters {
	uint64_t accepted, refused, evicted, requests, sent, received, status[600];
	uint64_t timeouts[PHASES], errors;
	unsigned now, most;
	uint64_t rate, sent_rate;	/* a second, over the last second that was looked at */
};

struct server {
	struct options options;
	struct site site;
	int epoll, listener;
	bool listening;			/* epoll tells of the listener */
	int64_t now;			/* milliseconds, of this turn */
	size_t share;			/* bytes that one connection sends in this turn */
	int64_t start, next_second, last_second, accept_again;
	int64_t wall;			/* seconds */
	char date[DATE_LEN], log_date[DATE_LOG_LEN];
	struct phase_list phases[PHASES];
	struct connection *closed;
	struct connection *addresses[CHAINS];
	uint64_t hash_key;
	struct counters count;
	uint64_t last_requests, last_sent;
};

extern struct server server;

int server_run(void);			/* never returns but with what is wrong: 1 */

/* The loop's part for connections. */
void connection_wait(struct connection *c, uint32_t events);
void connection_phase(struct connection *c, enum phase phase);
void connection_close(struct connection *c);

/*
 * Memory for c, or for one that is to be; for it others are closed that progress less.
 * NULL: none does, or it is not enough.
 */
void *connection_alloc(const struct connection *c, size_t size);

/* connection.c */
void connection_readable(struct connection *c);
void connection_writable(struct connection *c);
void connection_timed_out(struct connection *c);
bool connection_took(struct connection *c);	/* its peer, PROGRESS more than when it last did */
void connection_empty(struct connection *c);	/* free what it holds; it is closed */
void connection_free(struct connection *c);	/* and itself */

/*
 * respond.c: fills in the reply to a request; status: of the error that its header has, or 0.
 * What is made for this reply alone is c->own from then on.
 */
void respond_with(struct connection *c, struct reply *reply, const struct request *request,
		  int status);

/* status.c: what /.status and /.status.json are; NULL: neither, or no memory. */
const struct representation *status_page(void);
struct representation *status_json(void);

/* metrics.c: /metrics, the same. */
struct representation *metrics(void);

#endif
