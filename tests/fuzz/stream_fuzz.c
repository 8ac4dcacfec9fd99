/* SPDX-License-Identifier: ISC */
/* The peer of a stream is the fuzzer: it writes to ring and indexes between the calls. */
#include "drivers/border/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	uint8_t in[SIZE], out[SIZE];
	uint32_t in_cons, in_prod, out_cons, out_prod;
} page;

static void check(ssize_t n, size_t len)
{
	if (n > (ssize_t)len || (n < 0 && n != -EPROTO))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t buf[3 * SIZE] = { 0 };
	struct stream in, out;

	memset(&page, 0, sizeof(page));
	if (size < 16)
		return 0;
	memcpy(&page.in_cons, data, 16);
	stream_open(&in, page.in, SIZE, &page.in_cons, &page.in_prod);
	stream_open(&out, page.out, SIZE, &page.out_prod, &page.out_cons);
	for (data += 16, size -= 16; size >= 6; data += 6, size -= 6) {
		size_t len = data[1] % sizeof(buf), where = data[2] % (sizeof(page) - 3);
		uint32_t at = data[0] & 1 ? in.at : out.at;

		/*
		 * Small steps from the current value find more errors than
		 * arbitrary numbers.
		 */
		if (data[0] & 2) {
			page.in_prod = in.at + data[3] % (SIZE + 4);
			page.out_cons = out.at - data[4] % (SIZE + 4);
		} else {
			memcpy((char *)&page + where, data + 2, 4);
		}
		if (data[0] & 1)
			check(stream_read(&in, buf, len), len);
		else
			check(stream_write(&out, buf, len), len);
		if ((data[0] & 1 ? in.at : out.at) - at > SIZE)
			abort();
		check(stream_readable(&in), SIZE);
		check(stream_writable(&out), SIZE);
	}
	return 0;
}
