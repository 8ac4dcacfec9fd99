/* SPDX-License-Identifier: ISC */
/* The streams of a test. */
#include "apps/iperf/iperf.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static bool sends(unsigned i)
{
	/*
	 * With --bidir the server first receives on all streams, then sends on as many.
	 */
	return test.params.both ? i >= test.params.streams : test.params.reverse;
}

void add_stream(struct peer *p)
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
	if (!send_state(TEST_START) || !send_state(TEST_RUNNING))
		return;
	for (unsigned i = 0; i < test.nstreams; i++)
		if (test.streams[i]->fd != datagrams.fd)
			watch(test.streams[i], EPOLL_CTL_MOD,
			      test.streams[i]->sends ? EPOLLOUT : EPOLLIN);
}

void count_bytes(struct peer *p, size_t n)
{
	p->bytes += n;
	*(p->sends ? &test.sent : &test.received) += n;
	test.moved = now;
}

void stream_event(struct peer *p)
{
	size_t budget = TURN;

	/* After the test the peer may close a stream at any time. */
	if (test.state != TEST_RUNNING) {
		watch(p, EPOLL_CTL_MOD, 0);
		return;
	}
	while (budget) {
		size_t want = test.params.length < budget ? test.params.length : budget;
		ssize_t n = p->sends ? send(p->fd, buffer, want, MSG_NOSIGNAL) :
				       recv(p->fd, buffer, sizeof(buffer), 0);

		if (n > 0)
			count_bytes(p, n);
		else if (n < 0 && would_block())
			return;
		else
			watch(p, EPOLL_CTL_MOD, 0);
		if (n <= 0 || (p->sends && (size_t)n < want) ||
		    (!p->sends && (size_t)n < sizeof(buffer)))
			return;
		budget -= (size_t)n < budget ? (size_t)n : budget;
	}
}
