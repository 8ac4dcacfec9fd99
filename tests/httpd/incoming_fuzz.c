/* SPDX-License-Identifier: ISC */
/* Arbitrary bytes as the body of an upload: the result does not depend on how they are cut. */
#include "apps/httpd/incoming.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct taken {
	char *data;
	size_t len, most;
	int result;
};

static int take(void *arg, const char *data, size_t len)
{
	struct taken *t = arg;

	assert(len);
	if (len > t->most - t->len)
		return -413;
	memcpy(t->data + t->len, data, len);
	t->len += len;
	return 0;
}

/* Parses copies of parts, so that a read beyond one is seen. */
static void run(struct taken *t, bool chunked, uint64_t length, const uint8_t *data, size_t size,
		size_t step)
{
	struct incoming in;

	incoming_begin(&in, chunked, length, take, t);
	t->result = incoming_take(&in, (const char *)data, 0);
	for (size_t at = 0; at < size && !t->result; at += step) {
		size_t n = size - at < step ? size - at : step;
		char *part = malloc(n);

		memcpy(part, data + at, n);
		t->result = incoming_take(&in, part, n);
		free(part);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 1, 3, 16 };
	struct taken whole = { 0 };
	bool chunked;
	uint64_t length;

	if (size < 3)
		return 0;
	chunked = data[0] & 1;
	length = data[1];
	whole.most = data[2] << 4;
	data += 3;
	size -= 3;
	whole.data = malloc(size + 1);
	run(&whole, chunked, length, data, size, size + 1);
	assert(whole.len <= size && whole.len <= whole.most);
	assert(chunked || whole.result != 1 || whole.len == length);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct taken t = { .data = malloc(size + 1), .most = whole.most };

		run(&t, chunked, length, data, size, steps[i]);
		/* Bytes that fit are taken before the limit is found. */
		assert(t.result == whole.result);
		assert(t.result < 0 || (t.len == whole.len && !memcmp(t.data, whole.data, t.len)));
		free(t.data);
	}
	free(whole.data);
	return 0;
}
