/* SPDX-License-Identifier: ISC */
/* The other side of a network device: what carries its frames (slirp.c, tap.c). */
#ifndef TOOLS_UNIX_NET_H
#define TOOLS_UNIX_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 1518u

struct carrier {
	void (*send)(const uint8_t *frame, size_t len); /* from the guest */
	bool checked; /* checksums of received frames are known to be right */
};

/* Ends the program with a message if it cannot be opened. */
struct carrier slirp_open(const uint8_t mac[6]);
void slirp_forward(const char *host, unsigned port, unsigned guest_port,
		   const uint8_t mac[6]);
struct carrier tap_open(const char *name);

/* For the guest; dropped if the guest is too slow. */
void net_receive(const uint8_t *frame, size_t len);
bool net_may_receive(void);

#endif
