/* SPDX-License-Identifier: ISC */
/* The backend of a ring is the fuzzer: it writes to the ring's pages between the calls. */
#include "drivers/border/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	uint32_t before[4];
	_Alignas(64) uint8_t page[2 * 4096];
	uint32_t after[4];
} memory;

static void write_at(size_t where, uint32_t what)
{
	memcpy(memory.page + where % (sizeof(memory.page) - 3), &what, 4);
}

static void call(struct ring *r, uint8_t how, uint32_t n)
{
	uint8_t request[112], response[16];
	uint32_t owed = r->produced - r->consumed;
	int rc = r->error;

	memset(request, how, sizeof(request));
	switch (how % 4) {
	case 0:
		if (r->reserved)
			ring_end(r, n % (r->reserved + 1));
		else if (n)
			rc = ring_try_begin(r, n);
		break;
	case 1:
		if (r->reserved)
			ring_put(r, n % r->reserved, request);
		break;
	case 2:
		rc = ring_take(r, response);
		if (rc == 1 && owed - (r->produced - r->consumed) != 1)
			abort();
		break;
	case 3:
		ring_rearm(r, 1 + n % r->nslots);
	}
	if (rc != 0 && rc != 1 && rc != -EAGAIN && rc != -EMSGSIZE && rc != -EPROTO)
		abort();
	if (r->produced - r->consumed > r->nslots || ring_short(r))
		abort();
	if (memory.before[3] || memory.after[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ring ring;
	uint32_t at;

	if (size < 8)
		return 0;
	memset(&memory, 0, sizeof(memory));
	ring_init(&ring, memory.page, data[0] & 1 ? 8192 : 4096, 112, 16);
	memcpy(&at, data + 1, 4);
	ring.produced = ring.consumed = at;
	write_at(0, at);
	write_at(8, at);
	for (data += 8, size -= 8; size >= 4; data += 4, size -= 4) {
		/*
		 * Small steps from the current value find more errors than
		 * arbitrary numbers.
		 */
		if (data[0] & 64)
			write_at(8, ring.consumed + data[1] % 70);
		else if (data[0] & 128)
			write_at(data[1] * 37, data[2] * 0x01010101u);
		call(&ring, data[0], data[3]);
	}
	return 0;
}
