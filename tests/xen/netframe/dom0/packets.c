/* SPDX-License-Identifier: ISC */
/*
 * dom0's end of netframe, by a packet socket on the guest's vif:
 *
 *	packets check VIF LEAST MOST	that all frames come, in order and as they were sent
 *	packets send VIF LEAST MOST
 */
#include "../frame.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

static int s;
static uint32_t least, most;
static uint8_t frame[1 << 17], should[1 << 17];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void open_socket(const char *vif)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(0x0003),
		.sll_ifindex = if_nametoindex(vif),
	};
	struct timeval patience = { .tv_sec = 20 };
	int size = 64 << 20;

	s = socket(AF_PACKET, SOCK_RAW, 0);
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    bind(s, (struct sockaddr *)&at, sizeof(at)))
		die(vif);
}

/* The next frame of this type that the guest sent: its length. */
static uint32_t next(uint16_t type)
{
	struct sockaddr_ll from;
	socklen_t len;
	ssize_t n;

	do {
		len = sizeof(from);
		n = recvfrom(s, frame, sizeof(frame), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			die("nothing came");
	} while (from.sll_pkttype == PACKET_OUTGOING || n < HEADER ||
		 frame[12] != type >> 8 || frame[13] != (type & 0xff));
	return n;
}

static void put(uint32_t number, uint32_t size, uint16_t type)
{
	frame_make(should, number, size, type);
	if (send(s, should, size, 0) != (ssize_t)size)
		die("send");
}

static void check_all(void)
{
	uint32_t total = most - least + 1;

	for (uint32_t n = 0; n < total; n++) {
		uint32_t size = frame_size(n, least, most), got = next(ETHERTYPE);

		frame_make(should, n, size, ETHERTYPE);
		if (got != size || memcmp(frame, should, size)) {
			printf("frame %u: %u bytes, not %u, or of other content\n", n, got, size);
			exit(1);
		}
		if ((n + 1) % (WINDOW / 2) == 0 || n + 1 == total)
			put(n + 1, 60, ETHERTYPE_ACK);
	}
	printf("all %u frames came\n", total);
}

static void send_all(void)
{
	uint32_t total = most - least + 1, acked = 0;

	for (uint32_t n = 0; n < total; n++) {
		while (n - acked >= WINDOW) {
			next(ETHERTYPE_ACK);
			memcpy(&acked, frame + HEADER, sizeof(acked));
		}
		put(n, frame_size(n, least, most), ETHERTYPE);
	}
	printf("sent %u\n", total);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	least = atoi(argv[3]);
	most = atoi(argv[4]);
	open_socket(argv[2]);
	fprintf(stderr, "listening\n");
	if (argv[1][0] == 'c')
		check_all();
	else
		send_all();
	return 0;
}
