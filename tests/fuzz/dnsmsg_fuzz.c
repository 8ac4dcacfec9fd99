/* SPDX-License-Identifier: ISC */
/* net/dnsmsg.c: a reply of arbitrary bytes to a valid question. */
#include "net/dnsmsg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const uint16_t types[] = { DNSMSG_A, DNSMSG_AAAA, DNSMSG_PTR, DNSMSG_A };
	uint8_t query[DNSMSG_QUERY_MAX], *message, *to;
	struct dnsmsg_answer answer;
	size_t query_len, skip;

	if (len < 2)
		return 0;
	query_len = dnsmsg_query(query, bytes[0], "a.test", types[bytes[1] & 3], false);
	assert(query_len);
	skip = bytes[1] & 4 ? query_len : 0;	/* most replies repeat the question */
	len -= 2;
	message = malloc(skip + len + 1);
	to = malloc((skip + len) / 12 * 16 + 1);
	memcpy(message, query, skip);
	memcpy(message + skip, bytes + 2, len);
	if (skip) {
		message[2] |= 0x80;
		message[7] = bytes[0];
	}
	if (dnsmsg_read(message, skip + len, query, query_len, to, (skip + len) / 12, &answer))
		assert(memchr(answer.name, 0, sizeof(answer.name)));
	free(message);
	free(to);
	return 0;
}
