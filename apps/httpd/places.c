/* SPDX-License-Identifier: ISC */
/*
 * Places for uploads. If all of them, or all of one address, are in use, the slowest upload is
 * ended for a new one, so that slow clients cannot keep others out.
 */
#include "apps/httpd/server.h"
#include "apps/httpd/upload.h"

#ifndef PLACES_YOUNG			/* a test has another value */
#define PLACES_YOUNG 10000		/* milliseconds in which an upload is not ended */
#endif
#define RATE_ENOUGH (64 << 10)		/* bytes per second; one of this mean rate is not ended */

static struct connection *first;

/*
 * Counts the uploads of a client (NULL: of all). Returns the one with the lowest mean rate of those
 * that may be ended, or NULL.
 */
static struct connection *slowest(const struct in6_addr *client, uint64_t *count)
{
	struct connection *found = NULL;
	uint64_t least = RATE_ENOUGH;

	*count = 0;
	for (struct connection *c = first; c; c = c->next_upload) {
		int64_t age = server.now - c->upload_start;
		uint64_t rate;

		if (client && !same_client(&c->client, client))
			continue;
		++*count;
		if (age < PLACES_YOUNG)
			continue;
		rate = upload_size(c->upload) * 1000 / age;
		if (rate < least) {
			least = rate;
			found = c;
		}
	}
	return found;
}

bool place_take(struct connection *c)
{
	uint64_t count;
	struct connection *slow = slowest(&c->client, &count);
	bool full = count >= server.options.uploads_per_address;

	if (!full) {
		slow = slowest(NULL, &count);
		full = count >= server.options.uploads;
	}
	if (full && !slow)
		return false;
	if (full)
		connection_evict(slow);
	c->upload_start = server.now;
	c->next_upload = first;
	first = c;
	return true;
}

void place_leave(struct connection *c)
{
	for (struct connection **p = &first; *p; p = &(*p)->next_upload)
		if (*p == c) {
			*p = c->next_upload;
			return;
		}
}
