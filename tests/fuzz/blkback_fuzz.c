/* SPDX-License-Identifier: ISC */
/*
 * A hostile frontend for backend/: the input is the contents of its ring and of its pages, its states
 * and its events.  Whatever it does, the store is called within its limits (blkback_front.h checks
 * this), the server goes on, and nothing of the frontend is left at the end.
 */
#include "tests/unit/blkback_front.h"
#include "tests/fuzz/guest_fuzz.h"

static unsigned byte(void)
{
	if (!input_left)
		return 0;
	input_left--;
	return *input++;
}

/* Raw bytes, or a request that is nearly valid. */
static void put_request(void)
{
	uint8_t slot[112];
	struct blkif_request *q = (void *)slot;
	unsigned how = byte();

	for (unsigned i = 0; i < sizeof(slot); i++)
		slot[i] = how & 1 ? byte() : 0;
	if (!(how & 2)) {
		q->operation = byte() % 8;
		q->nr_segments = how & 4 ? byte() : 1 + byte() % 11;
		q->sector_number = byte();
		for (unsigned i = 0; i < 11; i++)
			q->seg[i] = (struct blkif_request_segment){
				front.ref[byte() % 8], byte() % 9, byte() % 9,
			};
		if (q->operation == BLKIF_OP_INDIRECT) {
			struct blkif_request_indirect *in = (void *)slot;

			in->indirect_op = byte() % 3;
			in->nr_segments = byte() % 4 ? byte() : 255 + byte() % 4;
			in->indirect_grefs[0] = front.ref[byte() % 8];
		}
	}
	memcpy(RING_GET_REQUEST(&front.ring, front.ring.req_prod_pvt), slot, sizeof(slot));
	front.ring.req_prod_pvt++;
}

static void act(void)
{
	struct blkif_response r;
	unsigned what = byte();

	switch (what % 8) {
	case 0 ... 2:
		put_request();
		break;
	case 3:
		front_push();
		break;
	case 4:
		front.page[byte() % 8][byte() * 16] = byte();
		break;
	case 5:
		while (front_take(&r))
			;
		pass(byte() * 1000);
		break;
	case 6:
		front_kick();
		break;
	case 7:
		if (what & 64)
			say_number_to(FRONT, "state", byte() % 9);
		else if (what & 32)
			front.ring.sring->req_prod += byte() - 128;
		else if (what & 16)
			front.scribbled = true, front.ring_page[byte()] = byte();
		pass(100000);
	}
}

static void run(void)
{
	boot();
	front.order = front.queues = 0;
	front.abi32 = false;
	server_start();
	toolstack_attach("w");
	front_connect();
	while (input_left)
		act();
	pass(NSEC_PER_MSEC);
	down();
}
