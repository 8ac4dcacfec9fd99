/* SPDX-License-Identifier: ISC */
/* The state of the test, its connections, and the functions of the server's files. */
#ifndef IPERF_IPERF_H
#define IPERF_IPERF_H

#include "apps/iperf/params.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

enum state {				/* of the protocol */
	TEST_START = 1, TEST_RUNNING = 2, TEST_END = 4, PARAM_EXCHANGE = 9,
	CREATE_STREAMS = 10, CLIENT_TERMINATE = 12, EXCHANGE_RESULTS = 13,
	DISPLAY_RESULTS = 14, IPERF_DONE = 16, ACCESS_DENIED = 255, SERVER_ERROR = 254,
};

#define COOKIE 37
#define TURN (1 << 20)			/* bytes per stream and turn of the loop */

enum kind { LISTENER, DATAGRAMS, NEWCOMER, CONTROL, STREAM };

struct peer {
	enum kind kind;
	int fd;				/* -1: closed; UDP streams share one */
	struct peer *next;
	int64_t since;
	size_t got;			/* bytes received of the cookie or of a message */
	char cookie[COOKIE];

	/* for a stream */
	bool sends;
	struct sockaddr_storage address;
	socklen_t address_len;
	uint64_t bytes, packets, lost, last, omitted;
	double jitter;
	int64_t transit;
};

/* The only test at a time; `control` is NULL without a test. */
struct test {
	struct peer *control;
	enum state state;
	struct params params;
	struct peer *streams[2 * STREAMS_MAX];
	unsigned nstreams, wanted;
	int64_t start, end, moved;
	bool omitting;			/* data is not counted now */
	uint64_t received, sent;
	clock_t cpu;
	char *in;			/* JSON text that is being received */
	uint32_t in_len;
	char *out;			/* data that the control connection has not taken yet */
	size_t out_at, out_len;
};
extern struct test test;

extern int epoll;
extern struct peer datagrams;		/* the UDP socket */
extern int64_t now;			/* microseconds */
extern char buffer[BLOCK_MAX];

/* main.c */
bool would_block(void);			/* errno says so */
bool watch(struct peer *p, int what, uint32_t events);	/* what: EPOLL_CTL_* */
struct peer *add_peer(enum kind kind, int fd);		/* NULL: no memory */
void end_peer(struct peer *p);		/* it is freed after the events of this turn */

/* control.c: send_state() returns false if the test has ended. */
bool send_state(enum state state);
void end_test(const char *why);		/* why: NULL if the test is complete */
void control_event(struct peer *p, uint32_t events);

/* stream.c */
void add_stream(struct peer *p);
void stream_event(struct peer *p);
void count_bytes(struct peer *p, size_t n);

/* datagrams.c */
void receive_datagrams(void);
void send_datagrams(void);

#endif
