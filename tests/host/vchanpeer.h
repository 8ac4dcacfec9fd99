/* SPDX-License-Identifier: ISC */
/*
 * A vchan peer for the host tests, in either role, well-behaved or not.  It is written
 * from xen/io/libxenvchan.h and the behaviour of libxenvchan, not from drivers/vchan.c.
 * It is in dom0 and runs as an actor (host.h).  The data that it sends and expects is a
 * pattern of the session's number.
 */
#ifndef TESTS_HOST_VCHANPEER_H
#define TESTS_HOST_VCHANPEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vchanpeer {
	/* Its behaviour. */
	uint64_t to_send, to_receive;	/* bytes of a session; then it leaves */
	bool vanishes;			/* leaves earlier, whatever the rings contain */
	bool stays;			/* does not leave by itself */
	unsigned scribbles;		/* one of so many steps writes random bytes anywhere */
	bool nosy;			/* or only writes invalid indexes */
	bool careless;			/* does not check what it reads */

	/* Observations. */
	bool connected, wants;		/* wants to be */
	unsigned session;		/* number of this session, from 1 */
	uint64_t sent, received;
	unsigned refused;		/* connecting failed, or the server was gone */
};
extern struct vchanpeer vchanpeer;

/* Returns the byte at this place of a session's stream. */
uint8_t vchanpeer_byte(unsigned session, bool from_peer, uint64_t at);

/* A client of the guest's server at this absolute path, when vchanpeer.wants. */
void vchanpeer_client(const char *path);

/* A server for the guest; publishes at once.  The indexes start at any value. */
struct vchanpeer_offer {
	unsigned left_order, right_order;
	bool bad_ref, no_port, wrong_orders;
};
void vchanpeer_server(const char *path, const struct vchanpeer_offer *offer);
void vchanpeer_server_close(void);
bool vchanpeer_server_has_client(void);

#endif
