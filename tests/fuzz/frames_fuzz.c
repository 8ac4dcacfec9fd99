/* SPDX-License-Identifier: ISC */
/*
 * Bytes that arrive in pieces of any length give the same messages as in one piece: none
 * is lost, split or joined, and a message that is too long does not affect others.
 */
#include "control/control_internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *at, *end;		/* bytes without a reply yet */

static bool take(const char *message, size_t len, bool too_long)
{
	const uint8_t *nul = at < end ? memchr(at, 0, end - at) : NULL;
	size_t is;

	if (!nul)
		abort();
	is = nul - at;
	if (too_long != (is >= SIZE) || (!too_long && (is != len || memcmp(at, message, len))))
		abort();
	at = nul + 1;
	return true;
}

/* The first bytes say how long each piece is, the others are the stream. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frames f = { .size = SIZE };
	size_t pieces;
	const uint8_t *stream;

	if (size < 2)
		return 0;
	pieces = 1 + data[0] % (size - 1);
	stream = at = data + pieces;
	end = data + size;
	f.buf = malloc(SIZE);		/* so that ASan sees its end */
	for (size_t i = 0; stream < end; i++) {
		size_t n = 1 + data[i % pieces] % SIZE;

		if (n > SIZE - f.len)
			n = SIZE - f.len;
		if (n > (size_t)(end - stream))
			n = end - stream;
		memcpy(f.buf + f.len, stream, n);
		stream += n;
		if (!frames_received(&f, n, take) || f.len >= SIZE)
			abort();
	}
	free(f.buf);
	if (at < end && memchr(at, 0, end - at))
		abort();
	return 0;
}
