/* SPDX-License-Identifier: ISC */
/* The streams of a UDP test, which share one socket. */
#include "apps/iperf/iperf.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define UDP_HELLO_REPLY 0x39383736

/* Time and sequence number of a datagram, as in iperf_udp.c. */
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
	count_bytes(p, n);
}

static struct peer *lookup_stream(const struct sockaddr_storage *a, socklen_t len)
{
	for (unsigned i = 0; i < test.nstreams; i++)
		if (test.streams[i]->address_len == len &&
		    !memcmp(&test.streams[i]->address, a, len))
			return test.streams[i];
	return NULL;
}

/* A client's stream begins with a datagram, to which the server replies. */
static void accept_datagram_stream(const struct sockaddr_storage *a, socklen_t len)
{
	uint32_t reply = UDP_HELLO_REPLY;
	struct peer *p = lookup_stream(a, len);

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

void receive_datagrams(void)
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
			accept_datagram_stream(&from, len);
		} else if (test.state == TEST_RUNNING) {
			p = lookup_stream(&from, len);
			if (p && !p->sends)
				count_datagram(p, (struct stamp *)buffer, n);
		}
	}
}

/*
 * Sends what is due since the start, for each stream; at most TURN bytes after a delay.
 */
void send_datagrams(void)
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
			count_bytes(p, q->length);
		}
	}
}
