/* SPDX-License-Identifier: ISC */
/*
 * A backend sends arbitrary ids: only requests in flight are found, and each of
 * them once.
 */
#include "drivers/border/pending.h"

#include <stdlib.h>
#include <string.h>

#define MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(struct pending *p, char *things, char **in_flight)
{
	int id = pending_add(p, things);

	if (id < 0)
		return;
	if (in_flight[id])
		abort();
	in_flight[id] = things;
}

static void take(struct pending *p, uint64_t id, char **in_flight, uint32_t n)
{
	void *what = pending_take(p, id);

	if (what != (id < n ? in_flight[id] : NULL))
		abort();
	if (id < n)
		in_flight[id] = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char things[256], *in_flight[MAX] = { 0 };
	struct pending p;
	uint32_t n;

	if (size < 2)
		return 0;
	n = (data[0] | data[1] << 8) % MAX;
	if (pending_init(&p, n))
		return 0;
	for (data += 2, size -= 2; size >= 10; data += 10, size -= 10) {
		uint64_t id;

		memcpy(&id, data + 1, 8);
		if (data[0] & 1)
			add(&p, &things[data[9]], in_flight);
		else
			take(&p, data[0] & 2 ? id % (n + 1) : id, in_flight, n);
	}
	while (pending_take_any(&p))
		;
	for (uint32_t i = 0; i < n; i++)
		if (pending_take(&p, i))
			abort();
	pending_free(&p);
	return 0;
}
