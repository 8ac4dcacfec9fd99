/* SPDX-License-Identifier: ISC */
/*
 * A sink and source for iperf3's clients: `iperf [PORT]`, 5201 without.  TCP and UDP, both
 * directions, many streams; one test at a time, as with `iperf3 -s`.
 *
 * iperf3 has a control connection and streams, all to one port.  Each connection begins
 * with a cookie that tells whose it is.  On the control connection the server says in which
 * state the test is, a byte each (esnet/iperf, iperf_api.h); JSON goes both ways, behind
 * its length: the client's parameters at the beginning, both sides' results at the end.
 */
#define _GNU_SOURCE
#include "apps/iperf/params.h"
#include "apps/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state {				/* of the protocol */
	TEST_START = 1, TEST_RUNNING = 2, TEST_END = 4, PARAM_EXCHANGE = 9,
	CREATE_STREAMS = 10, CLIENT_TERMINATE = 12, EXCHANGE_RESULTS = 13,
	DISPLAY_RESULTS = 14, IPERF_DONE = 16, ACCESS_DENIED = 255, SERVER_ERROR = 254,
};

#define COOKIE 37
#define UDP_HELLO_REPLY 0x39383736
#define JSON_MAX (64 << 10)
#define PATIENCE 10000000		/* with a client before its test runs, microseconds */
#define SILENCE 30000000		/* without a byte, while it runs */
#define TURN (1 << 20)			/* bytes for one stream in one turn */
#define EVENTS 64

enum kind { LISTENER, DATAGRAMS, NEWCOMER, CONTROL, STREAM };

struct peer {
	enum kind kind;
	int fd;				/* -1: closed; UDP's streams share one */
	struct peer *next;
	int64_t since;
	size_t got;			/* of the cookie, of a message */
	char cookie[COOKIE];

	/* Of a stream. */
	bool sends;
	struct sockaddr_storage address;
	socklen_t address_len;
	uint64_t bytes, packets, lost, last, omitted;
	double jitter;
	int64_t transit;
};

/* The one test there is; `control` is NULL when there is none. */
static struct test {
	struct peer *control;
	enum state state;
	struct params params;
	struct peer *streams[2 * STREAMS_MAX];
	unsigned nstreams, wanted;
	int64_t start, end, moved;
	bool omitting;			/* what is moved now does not count */
	uint64_t received, sent;
	clock_t cpu;
	char *in;			/* a JSON text that comes in */
	uint32_t in_len;
	char *out;			/* what the control connection did not take yet */
	size_t out_at, out_len;
} test;

static int epoll;
static unsigned port = 5201;
static struct peer listener = { .kind = LISTENER }, datagrams = { .kind = DATAGRAMS };
static struct peer *peers;
static int64_t now;			/* microseconds */
static char buffer[BLOCK_MAX];

static int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static bool busy(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static bool watch(struct peer *p, int what, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = p };

	if (epoll_ctl(epoll, what, p->fd, &e) == 0)
		return true;
	perror("iperf: epoll");
	return false;
}

/* ---- peers */

static struct peer *add_peer(enum kind kind, int fd)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (p) {
		p->kind = kind;
		p->fd = fd;
		p->since = now;
		p->next = peers;
		peers = p;
	}
	return p;
}

/* It is freed when the events of this turn are done with. */
static void end_peer(struct peer *p)
{
	if (p->fd >= 0 && p->fd != datagrams.fd)
		close(p->fd);
	p->fd = -1;
}

static void free_ended(void)
{
	for (struct peer **link = &peers; *link;) {
		struct peer *p = *link;

		if (p->fd < 0) {
			*link = p->next;
			free(p);
		} else {
			link = &p->next;
		}
	}
}

/* ---- the control connection */

static void end_test(const char *why)
{
	if (why)
		printf("iperf: the test ends: %s\n", why);
	for (unsigned i = 0; i < test.nstreams; i++)
		end_peer(test.streams[i]);
	end_peer(test.control);
	free(test.in);
	free(test.out);
	test = (struct test){ 0 };
	fflush(stdout);
}

/* What the socket does not take at once goes when it can; false: the test has ended. */
static bool tell(const void *data, size_t len)
{
	ssize_t n = test.out ? 0 : send(test.control->fd, data, len, MSG_NOSIGNAL);
	char *more;

	if (n == (ssize_t)len)
		return true;
	if (n < 0 && !busy()) {
		end_test(strerror(errno));
		return false;
	}
	n = n < 0 ? 0 : n;
	more = realloc(test.out, test.out_len + len - n);
	if (!more) {
		end_test("no memory");
		return false;
	}
	memcpy(more + test.out_len, (const char *)data + n, len - n);
	test.out = more;
	test.out_len += len - n;
	watch(test.control, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	return true;
}

static bool tell_state(enum state state)
{
	unsigned char byte = state;

	test.state = state;
	test.control->since = now;	/* from here on we wait for the client */
	return tell(&byte, 1);
}

static void tell_rest(void)
{
	ssize_t n = send(test.control->fd, test.out + test.out_at, test.out_len - test.out_at,
			 MSG_NOSIGNAL);

	if (n < 0 && !busy()) {
		end_test(strerror(errno));
		return;
	}
	test.out_at += n > 0 ? n : 0;
	if (test.out_at < test.out_len)
		return;
	free(test.out);
	test.out = NULL;
	test.out_at = test.out_len = 0;
	watch(test.control, EPOLL_CTL_MOD, EPOLLIN);
}

/* ---- streams */

static bool sends(unsigned i)
{
	/* In both directions: first all that we receive, then all that we send. */
	return test.params.both ? i >= test.params.streams : test.params.reverse;
}

static void add_stream(struct peer *p)
{
	int yes = 1;

	p->kind = STREAM;
	p->sends = sends(test.nstreams);
	test.streams[test.nstreams++] = p;
	if (!test.params.udp && test.params.nodelay)
		setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (test.nstreams < test.wanted)
		return;
	test.start = test.moved = now;
	test.omitting = test.params.omit;
	test.cpu = clock();
	if (!tell_state(TEST_START) || !tell_state(TEST_RUNNING))
		return;
	for (unsigned i = 0; i < test.nstreams; i++)
		if (test.streams[i]->fd != datagrams.fd)
			watch(test.streams[i], EPOLL_CTL_MOD,
			      test.streams[i]->sends ? EPOLLOUT : EPOLLIN);
}

static void moved(struct peer *p, size_t n)
{
	p->bytes += n;
	*(p->sends ? &test.sent : &test.received) += n;
	test.moved = now;
}

static void stream_event(struct peer *p)
{
	size_t budget = TURN;

	/* When it is over its end may close a stream at any time. */
	if (test.state != TEST_RUNNING) {
		watch(p, EPOLL_CTL_MOD, 0);
		return;
	}
	while (budget) {
		size_t want = test.params.length < budget ? test.params.length : budget;
		ssize_t n = p->sends ? send(p->fd, buffer, want, MSG_NOSIGNAL) :
				       recv(p->fd, buffer, sizeof(buffer), 0);

		if (n > 0)
			moved(p, n);
		else if (n < 0 && busy())
			return;
		else
			watch(p, EPOLL_CTL_MOD, 0);
		if (n <= 0 || (p->sends && (size_t)n < want) ||
		    (!p->sends && (size_t)n < sizeof(buffer)))
			return;
		budget -= (size_t)n < budget ? (size_t)n : budget;
	}
}

/* ---- UDP */

/* Time and number of a datagram, as iperf_udp.c has them. */
struct stamp {
	uint32_t seconds, microseconds, high, low;
};

static void count_datagram(struct peer *p, const struct stamp *s, size_t n)
{
	uint64_t number = test.params.counters_64bit ?
			  (uint64_t)ntohl(s->high) << 32 | ntohl(s->low) : ntohl(s->high);
	struct timespec t;
	int64_t transit;

	if (n < sizeof(*s))
		return;
	clock_gettime(CLOCK_REALTIME, &t);
	transit = (t.tv_sec - (int64_t)ntohl(s->seconds)) * 1000000 +
		  t.tv_nsec / 1000 - ntohl(s->microseconds);
	if (number > p->last) {
		p->lost += number - p->last - 1;
		p->last = number;
	} else if (p->lost) {
		p->lost--;
	}
	if (p->packets++)
		p->jitter += (llabs(transit - p->transit) / 1e6 - p->jitter) / 16;
	p->transit = transit;
	moved(p, n);
}

static struct peer *find_stream(const struct sockaddr_storage *a, socklen_t len)
{
	for (unsigned i = 0; i < test.nstreams; i++)
		if (test.streams[i]->address_len == len &&
		    !memcmp(&test.streams[i]->address, a, len))
			return test.streams[i];
	return NULL;
}

/* A client's stream begins with a datagram, which is answered. */
static void welcome_datagram(const struct sockaddr_storage *a, socklen_t len)
{
	uint32_t reply = UDP_HELLO_REPLY;
	struct peer *p = find_stream(a, len);

	if (!p && test.nstreams < test.wanted) {
		p = add_peer(STREAM, datagrams.fd);
		if (!p)
			return;
		p->address = *a;
		p->address_len = len;
		sendto(datagrams.fd, &reply, sizeof(reply), MSG_NOSIGNAL,
		       (struct sockaddr *)a, len);
		add_stream(p);
	}
}

static void take_datagrams(void)
{
	for (int i = 0; i < 256; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(datagrams.fd, buffer, sizeof(buffer), 0,
				     (struct sockaddr *)&from, &len);
		struct peer *p;

		if (n < 0)
			return;
		if (!test.control || !test.params.udp)
			continue;
		if (test.state == CREATE_STREAMS) {
			welcome_datagram(&from, len);
		} else if (test.state == TEST_RUNNING) {
			p = find_stream(&from, len);
			if (p && !p->sends)
				count_datagram(p, (struct stamp *)buffer, n);
		}
	}
}

/* What is due since the start, of each stream; a late turn sends at most TURN of it. */
static void send_datagrams(void)
{
	const struct params *q = &test.params;

	for (unsigned i = 0; i < test.nstreams; i++) {
		struct peer *p = test.streams[i];
		double due = q->rate ? q->rate / 8.0 * (now - test.start) / 1e6 : HUGE_VAL;

		for (size_t sent = 0; p->sends && p->bytes < due && sent < TURN; sent += q->length) {
			struct stamp *s = (struct stamp *)buffer;
			struct timespec t;

			clock_gettime(CLOCK_REALTIME, &t);
			p->packets++;
			s->seconds = htonl(t.tv_sec);
			s->microseconds = htonl(t.tv_nsec / 1000);
			s->high = htonl(q->counters_64bit ? p->packets >> 32 : p->packets);
			s->low = q->counters_64bit ? htonl(p->packets) : 0;
			if (sendto(datagrams.fd, buffer, q->length, MSG_NOSIGNAL,
				   (struct sockaddr *)&p->address, p->address_len) < 0) {
				p->packets--;
				break;
			}
			moved(p, q->length);
		}
	}
}

/* ---- the test's course */

static double duration(void)
{
	return (test.end - test.start) / 1e6;
}

static void report(void)
{
	double s = duration() > 0 ? duration() : 1e-6;

	printf("iperf: %s, %u streams, %.2f s:", test.params.udp ? "UDP" : "TCP", test.nstreams, s);
	if (test.received || !test.sent)
		printf(" received %.1f MB, %.1f Mbit/s", test.received / 1e6,
		       test.received * 8 / 1e6 / s);
	if (test.sent)
		printf(" sent %.1f MB, %.1f Mbit/s", test.sent / 1e6, test.sent * 8 / 1e6 / s);
	printf("\n");
	fflush(stdout);
}

/* Our half of the results, as the client's parser wants them. */
static bool tell_results(void)
{
	size_t size = 512 + test.nstreams * 256, n;
	double cpu = duration() > 0 ?
		     100.0 * (clock() - test.cpu) / CLOCKS_PER_SEC / duration() : 0;
	char *text = malloc(size);
	uint32_t length;
	bool good;

	if (!text) {
		end_test("no memory");
		return false;
	}
	n = snprintf(text, size, "{\"cpu_util_total\":%.3f,\"cpu_util_user\":%.3f,"
		     "\"cpu_util_system\":0,\"sender_has_retransmits\":%d,\"streams\":[",
		     cpu, cpu, test.params.reverse || test.params.both ? 0 : -1);
	for (unsigned i = 0; i < test.nstreams; i++) {
		const struct peer *p = test.streams[i];

		/* The first is 1, then come 3, 4, 5: so iperf3 counts. */
		n += snprintf(text + n, size - n, "%s{\"id\":%u,\"bytes\":%llu,\"retransmits\":-1,"
			      "\"jitter\":%.9f,\"errors\":%llu,\"packets\":%llu,"
			      "\"start_time\":0,\"end_time\":%.6f}", i ? "," : "", i ? i + 2 : 1,
			      (unsigned long long)p->bytes, p->jitter, (unsigned long long)p->lost,
			      (unsigned long long)((p->sends ? p->packets : p->last) - p->omitted),
			      duration());
	}
	n += snprintf(text + n, size - n, "]}");
	length = htonl(n);
	good = tell(&length, sizeof(length)) && tell(text, n);
	free(text);
	return good;
}

/*
 * iperf3 reads on after the end, a whole block at a time, and looks at nothing else: the end of
 * the stream is what lets it go.
 */
static void end_stream(struct peer *p)
{
	epoll_ctl(epoll, EPOLL_CTL_DEL, p->fd, NULL);
	shutdown(p->fd, SHUT_WR);
}

static void finish_test(void)
{
	/* What came before the end was said is counted. */
	for (unsigned i = 0; i < test.nstreams; i++)
		if (!test.params.udp && !test.streams[i]->sends)
			stream_event(test.streams[i]);
	if (test.params.udp)
		take_datagrams();
	test.end = now;
	report();
	for (unsigned i = 0; i < test.nstreams; i++)
		if (test.streams[i]->fd != datagrams.fd)
			end_stream(test.streams[i]);
	tell_state(EXCHANGE_RESULTS);
}

static void start_streams(void)
{
	const char *why;

	if (!params_read(&test.params, test.in, test.in_len, &why)) {
		uint32_t errors[2] = { 0, 0 };

		if (tell_state(SERVER_ERROR) && tell(errors, sizeof(errors)))
			end_test(why);
		return;
	}
	test.wanted = test.params.streams * (1 + test.params.both);
	tell_state(CREATE_STREAMS);
}

static void take_state(enum state state)
{
	if (state == TEST_END && test.state == TEST_RUNNING)
		finish_test();
	else if (state == IPERF_DONE && test.state == DISPLAY_RESULTS)
		end_test(NULL);
	else if (state == CLIENT_TERMINATE)
		end_test("the client gives up");
	else
		end_test("the client says what does not belong here");
}

/* A JSON text is there. */
static void take_json(void)
{
	if (test.state == PARAM_EXCHANGE)
		start_streams();
	else if (tell_results())
		tell_state(DISPLAY_RESULTS);
	free(test.in);
	test.in = NULL;
	test.in_len = 0;
}

/* Bytes of a JSON text or of its length; false: no more for now. */
static bool read_json(struct peer *p)
{
	uint32_t *length = &test.in_len;
	bool header = !test.in;
	char *to = header ? (char *)length : test.in;
	size_t size = header ? sizeof(*length) : test.in_len;
	ssize_t n = recv(p->fd, to + p->got, size - p->got, 0);

	if (n <= 0) {
		if (n == 0 || !busy())
			end_test("the client is gone");
		return false;
	}
	p->got += n;
	p->since = now;
	if (p->got < size)
		return true;
	p->got = 0;
	if (!header) {
		take_json();
		return test.control;
	}
	test.in_len = ntohl(test.in_len);
	test.in = test.in_len && test.in_len <= JSON_MAX ? malloc(test.in_len) : NULL;
	if (!test.in)
		end_test("the client's JSON is too long");
	return test.control;
}

static bool read_state(struct peer *p)
{
	unsigned char state;
	ssize_t n = recv(p->fd, &state, 1, 0);

	if (n == 1)
		take_state(state);
	else if (n == 0 || !busy())
		end_test("the client is gone");
	return n == 1 && test.control;
}

static void control_event(struct peer *p, uint32_t events)
{
	if (events & EPOLLOUT && test.out)
		tell_rest();
	if (!test.control || !(events & ~EPOLLOUT))
		return;
	while (test.state == PARAM_EXCHANGE || test.state == EXCHANGE_RESULTS ?
	       read_json(p) : read_state(p))
		;
}

/* ---- newcomers */

static void refuse(struct peer *p)
{
	unsigned char denied = ACCESS_DENIED;

	send(p->fd, &denied, 1, MSG_NOSIGNAL);
	end_peer(p);
}

static void newcomer_event(struct peer *p)
{
	ssize_t n = recv(p->fd, p->cookie + p->got, COOKIE - p->got, 0);

	if (n <= 0) {
		if (n == 0 || !busy())
			end_peer(p);
		return;
	}
	p->got += n;
	if (p->got < COOKIE)
		return;
	p->got = 0;
	if (!test.control) {
		p->kind = CONTROL;
		test.control = p;
		tell_state(PARAM_EXCHANGE);
	} else if (test.state == CREATE_STREAMS && !test.params.udp &&
		   test.nstreams < test.wanted && !memcmp(p->cookie, test.control->cookie, COOKIE)) {
		watch(p, EPOLL_CTL_MOD, 0);
		add_stream(p);
	} else {
		refuse(p);
	}
}

static void welcome(void)
{
	for (;;) {
		int fd = accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK);
		struct peer *p;

		if (fd < 0)
			return;
		p = add_peer(NEWCOMER, fd);
		if (!p)
			close(fd);
		else if (!watch(p, EPOLL_CTL_ADD, EPOLLIN))
			end_peer(p);
	}
}

/* ---- the loop */

/* The warming up is over: all is counted from here on. */
static void start_again(void)
{
	test.omitting = false;
	test.start = now;
	test.received = test.sent = 0;
	for (unsigned i = 0; i < test.nstreams; i++) {
		struct peer *p = test.streams[i];

		p->bytes = p->lost = 0;
		p->jitter = 0;
		p->omitted = p->sends ? p->packets : p->last;
	}
}

static void enforce_limits(void)
{
	const struct params *q = &test.params;

	for (struct peer *p = peers; p; p = p->next)
		if (p->kind == NEWCOMER && p->fd >= 0 && now - p->since > PATIENCE)
			end_peer(p);
	if (!test.control)
		return;
	if (test.state == TEST_RUNNING) {
		int64_t limit = (int64_t)(q->seconds + q->omit) * 1000000 + SILENCE;

		if ((q->seconds && now - test.start > limit) || now - test.moved > SILENCE)
			end_test("its time is over, and the client does not end it");
	} else if (now - test.control->since > PATIENCE) {
		end_test("the client says nothing");
	}
}

static int wait_time(void)
{
	if (test.control && test.state == TEST_RUNNING && test.params.udp &&
	    (test.params.reverse || test.params.both))
		return test.params.rate ? 1 : 0;
	return !peers ? -1 : test.omitting ? 100 : 1000;
}

static int open_socket(int type)
{
	int fd = listen_at(type, port, 256);

	if (fd < 0) {
		fprintf(stderr, "iperf: port %u: %s\n", port, strerror(errno));
		exit(1);
	}
	return fd;
}

static void handle(struct peer *p, uint32_t events)
{
	if (p->fd < 0)
		return;
	switch (p->kind) {
	case LISTENER: welcome(); break;
	case DATAGRAMS: take_datagrams(); break;
	case NEWCOMER: newcomer_event(p); break;
	case CONTROL: control_event(p, events); break;
	case STREAM: stream_event(p); break;
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];

	if (argc > 2 || (argc == 2 && ((port = strtoul(argv[1], NULL, 10)) < 1 || port > 65535))) {
		fprintf(stderr, "usage: iperf [PORT]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	epoll = epoll_create1(0);
	listener.fd = open_socket(SOCK_STREAM);
	datagrams.fd = open_socket(SOCK_DGRAM);
	if (!watch(&listener, EPOLL_CTL_ADD, EPOLLIN) ||
	    !watch(&datagrams, EPOLL_CTL_ADD, EPOLLIN))
		return 1;
	printf("iperf: port %u, for iperf3\n", port);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, wait_time());

		now = clock_now();
		for (int i = 0; i < n; i++)
			handle(events[i].data.ptr, events[i].events);
		if (test.control && test.state == TEST_RUNNING && test.params.udp)
			send_datagrams();
		if (test.omitting && now - test.start >= (int64_t)test.params.omit * 1000000)
			start_again();
		enforce_limits();
		free_ended();
	}
}
