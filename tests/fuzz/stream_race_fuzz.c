/* SPDX-License-Identifier: ISC */
/*
 * drivers/border/stream.c while the peer writes: the fuzzer is the peer, and writes
 * between any two accesses of the guest, so a value that is read twice differs.
 *
 * A pattern for other interfaces: a shared page, host_on_access that uses the input's
 * next bytes to write to it, and after each call the conditions that must hold whatever
 * the peer did.
 */
#include "drivers/border/stream.h"
#include "tests/host/host.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	uint8_t buffer[SIZE];
	uint32_t ours, theirs;
} page;

static const uint8_t *input, *end;

static uint8_t next(void)
{
	return input < end ? *input++ : 0;
}

/* One byte in the input says whether the peer moves, and how far. */
static void scribble(const void *address, size_t size, bool write)
{
	uint8_t what = next();

	(void)address;
	(void)size;
	(void)write;
	if (what & 0x80)
		page.theirs += (int8_t)(what << 1) >> 1;
	else if (what & 0x40)
		page.theirs = next() * 0x01010101u;
	else if (what & 0x20)
		page.ours = next();
	else if (what & 0x10)
		memset(page.buffer, next(), sizeof(page.buffer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s;

	input = data;
	end = data + size;
	memset(&page, 0, sizeof(page));
	page.ours = page.theirs = next() * 0x01010101u;
	stream_open(&s, page.buffer, SIZE, &page.ours, &page.theirs);
	host_on_access = scribble;
	while (input < end) {
		uint8_t what = next();
		size_t len = what & 0x7f;
		uint8_t *bytes = calloc(1, len ? len : 1);	/* no byte more */
		uint32_t at = s.at;
		ssize_t n;

		n = what & 0x80 ? stream_read(&s, bytes, len) : stream_write(&s, bytes, len);
		assert(n == -EPROTO || (n >= 0 && (size_t)n <= len && n <= SIZE));
		assert(s.at - at == (n > 0 ? n : 0) && s.size == SIZE);
		free(bytes);
	}
	host_on_access = NULL;
	return 0;
}
