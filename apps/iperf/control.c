/* SPDX-License-Identifier: ISC */
/* The control connection of a test, which controls its course. */
#define _GNU_SOURCE
#include "apps/iperf/iperf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define JSON_MAX (64 << 10)

void end_test(const char *why)
{
	if (why)
		printf("iperf: test ended: %s\n", why);
	for (unsigned i = 0; i < test.nstreams; i++)
		end_peer(test.streams[i]);
	end_peer(test.control);
	free(test.in);
	free(test.out);
	test = (struct test){ 0 };
	fflush(stdout);
}

/*
 * Data that the socket does not take now is sent later. Returns false if the test has
 * ended.
 */
static bool send_bytes(const void *data, size_t len)
{
	ssize_t n = test.out ? 0 : send(test.control->fd, data, len, MSG_NOSIGNAL);
	char *more;

	if (n == (ssize_t)len)
		return true;
	if (n < 0 && !would_block()) {
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

bool send_state(enum state state)
{
	unsigned char byte = state;

	test.state = state;
	test.control->since = now;	/* the timeout for the client begins now */
	return send_bytes(&byte, 1);
}

static void send_rest(void)
{
	ssize_t n = send(test.control->fd, test.out + test.out_at, test.out_len - test.out_at,
			 MSG_NOSIGNAL);

	if (n < 0 && !would_block()) {
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

/* ---- the course of a test */

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

/*
 * Sends the server's half of the results, in the form that the client's parser requires.
 */
static bool send_results(void)
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

		/* iperf3 numbers its streams 1, 3, 4, 5 ... */
		n += snprintf(text + n, size - n, "%s{\"id\":%u,\"bytes\":%llu,\"retransmits\":-1,"
			      "\"jitter\":%.9f,\"errors\":%llu,\"packets\":%llu,"
			      "\"start_time\":0,\"end_time\":%.6f}", i ? "," : "", i ? i + 2 : 1,
			      (unsigned long long)p->bytes, p->jitter, (unsigned long long)p->lost,
			      (unsigned long long)((p->sends ? p->packets : p->last) - p->omitted),
			      duration());
	}
	n += snprintf(text + n, size - n, "]}");
	length = htonl(n);
	good = send_bytes(&length, sizeof(length)) && send_bytes(text, n);
	free(text);
	return good;
}

/*
 * iperf3 continues to read after the end, a whole block at a time, and checks nothing
 * else: only the end of the stream stops it.
 */
static void end_stream(struct peer *p)
{
	epoll_ctl(epoll, EPOLL_CTL_DEL, p->fd, NULL);
	shutdown(p->fd, SHUT_WR);
}

static void finish_test(void)
{
	/* Count data that has arrived before the end of the test. */
	for (unsigned i = 0; i < test.nstreams; i++)
		if (!test.params.udp && !test.streams[i]->sends)
			stream_event(test.streams[i]);
	if (test.params.udp)
		receive_datagrams();
	test.end = now;
	report();
	for (unsigned i = 0; i < test.nstreams; i++)
		if (test.streams[i]->fd != datagrams.fd)
			end_stream(test.streams[i]);
	send_state(EXCHANGE_RESULTS);
}

static void start_streams(void)
{
	const char *why;

	if (!params_read(&test.params, test.in, test.in_len, &why)) {
		uint32_t errors[2] = { 0, 0 };

		if (send_state(SERVER_ERROR) && send_bytes(errors, sizeof(errors)))
			end_test(why);
		return;
	}
	test.wanted = test.params.streams * (1 + test.params.both);
	send_state(CREATE_STREAMS);
}

static void process_state(enum state state)
{
	if (state == TEST_END && test.state == TEST_RUNNING)
		finish_test();
	else if (state == IPERF_DONE && test.state == DISPLAY_RESULTS)
		end_test(NULL);
	else if (state == CLIENT_TERMINATE)
		end_test("terminated by the client");
	else
		end_test("unexpected message from the client");
}

/* A JSON text is complete. */
static void process_json(void)
{
	if (test.state == PARAM_EXCHANGE)
		start_streams();
	else if (send_results())
		send_state(DISPLAY_RESULTS);
	free(test.in);
	test.in = NULL;
	test.in_len = 0;
}

/* Reads a JSON text or its length. Returns false if there is no more data now. */
static bool read_json(struct peer *p)
{
	uint32_t *length = &test.in_len;
	bool header = !test.in;
	char *to = header ? (char *)length : test.in;
	size_t size = header ? sizeof(*length) : test.in_len;
	ssize_t n = recv(p->fd, to + p->got, size - p->got, 0);

	if (n <= 0) {
		if (n == 0 || !would_block())
			end_test("the client has disconnected");
		return false;
	}
	p->got += n;
	p->since = now;
	if (p->got < size)
		return true;
	p->got = 0;
	if (!header) {
		process_json();
		return test.control;
	}
	test.in_len = ntohl(test.in_len);
	test.in = test.in_len && test.in_len <= JSON_MAX ? malloc(test.in_len) : NULL;
	if (!test.in)
		end_test("the client's JSON text is empty or too long");
	return test.control;
}

static bool read_state(struct peer *p)
{
	unsigned char state;
	ssize_t n = recv(p->fd, &state, 1, 0);

	if (n == 1)
		process_state(state);
	else if (n == 0 || !would_block())
		end_test("the client has disconnected");
	return n == 1 && test.control;
}

void control_event(struct peer *p, uint32_t events)
{
	if (events & EPOLLOUT && test.out)
		send_rest();
	if (!test.control || !(events & ~EPOLLOUT))
		return;
	while (test.state == PARAM_EXCHANGE || test.state == EXCHANGE_RESULTS ?
	       read_json(p) : read_state(p))
		;
}
