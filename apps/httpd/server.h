/* SPDX-License-Identifier: ISC */
/*
 * The server: the event loop (server.c, listeners.c), input and output of a connection (connection.c,
 * output.c), their bytes (stream.c), places for uploads (places.c), replies (respond.c, reply.c), counters and their pages
 * (status.c, metrics.c). There is one thread.
 */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include "apps/httpd/date.h"
#include "apps/httpd/options.h"
#include "apps/httpd/reply.h"

#include <netinet/in.h>
#include <signal.h>

#define INPUT_SIZE 8192			/* maximum size of a header, and of one read */
#define OUTPUT_SIZE 65536		/* headers and small files of several responses */
#define HEAD_MAX 8192			/* maximum size of a response's header */

/* The event for which a connection waits. Each phase has a timeout. */
enum phase { IDLE, HEADER, UPLOAD, SEND, LINGER, PHASES };

struct upload;

struct connection {
	int fd;				/* -1: closed, and freed at the end of the turn */
	struct tls *tls;		/* NULL: plain */
	bool ended;			/* stream_end() */
	enum phase phase;
	uint32_t wants;			/* EPOLLIN or EPOLLOUT: who is called */
	uint32_t events;		/* requested from epoll: stream_wants() */
	bool known;			/* registered with epoll */
	bool closing;			/* after the current response */
	bool linger;			/* then wait until the client has read it */
	int64_t deadline;
	int64_t progress;		/* time of the last progress: see least_progress() */
	struct connection *previous, *next;	/* in the list of its phase, by deadline */

	char *in;			/* an incomplete header, or NULL */
	size_t in_len, in_scanned;

	char *text;			/* text that waits to be sent, or NULL */
	size_t text_at, text_len;
	const struct representation *what;	/* the body behind the text, bytes [at, to) */
	off_t at, to;
	struct parts *parts;		/* for several ranges, or NULL */
	struct representation *own;	/* made for this response only */
	uint64_t sent, acked;	/* bytes given to the socket, those of TLS; acknowledged at the last progress */
	struct upload *upload;		/* whose body arrives, or NULL */
	uint64_t stored;		/* its size at the last progress */
	int64_t upload_start;		/* time */
	struct connection *next_upload;	/* in the list of places.c */
	size_t drained;			/* bytes read and dropped while lingering */

	struct in6_addr client;
	struct connection *neighbour;	/* the next in its hash list of addresses */
};

#define CHAINS 1024			/* hash lists of addresses */

struct phase_list {
	struct connection *first, *last;
	int64_t limit;			/* milliseconds */
	unsigned count;
};

/* Each status below 600 has a counter. */
struct counters {
	uint64_t accepted, refused, evicted, requests, sent, received, status[600];
	uint64_t timeouts[PHASES], errors;
	unsigned now, most;
	uint64_t rate, sent_rate;	/* per second, over the last second */
};

#define LISTENERS 2

struct listener {
	int fd;				/* -1: none */
	bool tls;
	bool enabled;			/* in epoll */
};

struct server {
	struct options options;
	struct site site;
	int epoll;
	struct listener listeners[LISTENERS];	/* of HTTP and HTTPS */
	const struct tls_methods *tls;	/* NULL: none */
	int64_t next_reload;		/* of certificates: not before */
	int64_t now;			/* time of this turn in milliseconds */
	size_t share;	/* maximum of bytes that a connection sends in this turn */
	int64_t start, next_second, last_second, accept_again;
	int64_t wall;			/* wall clock in seconds */
	char date[DATE_LEN], log_date[DATE_LOG_LEN];
	struct phase_list phases[PHASES];
	struct connection *closed;
	struct connection *addresses[CHAINS];
	uint64_t hash_key;
	struct counters count;
	uint64_t last_requests, last_sent;
};

extern struct server server;

int server_run(void);			/* returns only after an error: 1 */

/* Functions of the loop for connections. */
void connection_wait(struct connection *c, uint32_t events);
void connection_phase(struct connection *c, enum phase phase);
void connection_close(struct connection *c);

/*
 * Allocates memory for c, or for a new connection (NULL), and closes connections with
 * as little progress if necessary. NULL: there are none, or it was not enough.
 */
void *connection_alloc(const struct connection *c, size_t size);

/*
 * Closes the connection with the least progress, for its memory and descriptors, if c has not
 * less. c may be NULL. Returns false if there is none.
 */
bool connection_make_room(const struct connection *c);
#define RESETS_MAX 16			/* connections closed for one allocation or descriptor */

/* Closes a connection for its memory or its place, with a reset, and counts it. */
void connection_evict(struct connection *c);

/* An IPv6 client has a prefix of 64 bits (RFC 6177), so only the prefix is compared. */
bool same_client(const struct in6_addr *a, const struct in6_addr *b);

/*
 * places.c: takes a place for the upload of c, and ends a slow one if necessary; false: there is
 * no place. place_leave() gives it back; without a place it does nothing.
 */
bool place_take(struct connection *c);
void place_leave(struct connection *c);

/* listeners.c: opens them, after epoll; false: a message was printed. listener_of(): p, or NULL if it is none. */
bool listeners_open(void);
void listeners_enable(bool on);
void listeners_reload(void);		/* certificates, at most once per second */
/* With TLS: SIGHUP is delivered only while the server waits with the mask, so no wait misses it. */
extern sigset_t listeners_mask;
void listeners_catch_hup(void);
void listeners_after_hup(void);
struct listener *listener_of(void *p);

/* connection.c; connection_acked(): output.c */
void connection_readable(struct connection *c);
void connection_writable(struct connection *c);
void connection_timed_out(struct connection *c);
/* The peer has acknowledged OUTPUT_PROGRESS bytes since this was last true */
bool connection_acked(struct connection *c);
void connection_empty(struct connection *c);	/* frees the buffers of a closed connection */
void connection_free(struct connection *c);	/* frees all of it */

/*
 * respond.c: makes the reply to a request; status: the error of its header, or 0. A body
 * that is made for this reply only is stored in c->own.
 */
void respond_with(struct connection *c, struct reply *reply, const struct request *request,
		  int status);

/* status.c: /.status and /.status.json; NULL: no memory. */
const struct representation *status_page(void);
struct representation *status_json(void);

/* metrics.c: /metrics; NULL: no memory. */
struct representation *metrics(void);

#endif
