/* SPDX-License-Identifier: ISC */
/*
 * A ring with its threads.  One of the idle threads waits for the event; a thread that has taken a
 * request wakes another one if there are more requests or nobody waits.
 *
 * Responses are in the order of the requests, unless the store allows reordering.  A response
 * overwrites its request in the ring; with ordered responses, all unanswered requests are still in
 * the ring after a restart of the server.
 */
#include "backend/blkback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPURIOUS 8			/* events without a request, before the leader pauses */
#define PAUSE 10000000			/* ns */

/* ---- responses */

/* Returns whether the frontend wants an event.  The padding contains no other data of the backend
   (XSA-216). */
static bool put(struct blk_queue *q, const struct blk_answer *a)
{
	uint8_t response[16] = { 0 };

	memcpy(response, &a->id, sizeof(a->id));
	response[8] = a->op;
	memcpy(response + 10, &a->status, sizeof(a->status));
	return back_ring_put(&q->ring, response);
}

static void respond(struct blk_queue *q, uint32_t index, const struct blk_answer *answer)
{
	uint32_t mask = q->ring.nslots - 1;
	bool notify = false;

	if (q->disk->store->out_of_order) {
		notify = put(q, answer);
	} else {
		q->answers[index & mask] = *answer;
		while (q->answers[q->ring.produced & mask].done) {
			struct blk_answer *first = &q->answers[q->ring.produced & mask];

			first->done = false;
			notify |= put(q, first);
		}
	}
	if (notify)
		domain_event_notify(q->event);
}

/* ---- threads */

/*
 * Waits for requests.  A frontend that sends events without requests (XSA-332, XSA-391) gets the
 * attention of one thread, at most once in PAUSE.
 */
static void idle(struct blk_queue *q)
{
	if (q->leader) {
		q->sleeping++;
		domain_sleep(&q->idle, DOMAIN_NEVER);
		q->sleeping--;
		return;
	}
	q->leader = true;
	if (q->spurious >= SPURIOUS)
		domain_sleep(&q->pause, domain_clock() + PAUSE);
	else
		q->spurious++;
	if (!q->stopping && !back_ring_any(&q->ring))
		domain_event_wait(q->event);
	q->leader = false;
}

static bool is_over(const struct blk_queue *q)
{
	return q->stopping || (q->ending && q->ring.consumed == q->last);
}

static void take_requests(struct blk_worker *w)
{
	struct blk_queue *q = w->queue;
	int rc;

	while (!is_over(q) && (rc = back_ring_take(&q->ring, w->slot)) >= 0) {
		uint32_t index = q->ring.consumed - 1;
		struct blk_answer answer = { .done = true };

		if (rc == 0 && q->ending)
			break;
		if (rc == 0) {
			if (!back_ring_rearm(&q->ring))
				idle(q);
			continue;
		}
		q->spurious = 0;
		if (q->sleeping && (!q->leader || back_ring_any(&q->ring)))
			domain_wake_one(&q->idle);
		blk_parse(q->disk->abi, w->slot, &w->request);
		answer.status = blk_serve(w);
		answer.op = w->request.op;
		answer.id = w->request.id;
		if (!q->stopping)
			respond(q, index, &answer);
	}
	if (q->ring.error)
		blkback_break(q->disk, "an invalid index in the ring");
}

static void thread(void *arg)
{
	struct blk_worker *w = arg;
	struct blk_queue *q = w->queue;
	struct blkback *b = q->disk;

	domain_enter();
	take_requests(w);
	free(w);
	q->threads--;
	domain_wake(&b->changed);
	domain_leave();
}

static int start_thread(struct blk_queue *q)
{
	struct blk_worker *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	w->queue = q;
	q->threads++;
	rc = domain_thread(thread, w);
	if (rc) {
		q->threads--;
		free(w);
	}
	return rc;
}

/* ---- connection */

static int map_ring(struct blk_queue *q, const struct blk_offer *offer)
{
	struct blkback *b = q->disk;
	int rc = domain_map(&q->map, b->stats.domid, offer->refs, offer->pages, false);

	if (rc)
		return rc;
	back_ring_attach(&q->ring, q->map.addr, offer->pages * 4096, blk_request_size(b->abi),
			 blk_response_size(b->abi));
	q->answers = calloc(q->ring.nslots, sizeof(*q->answers));
	q->event = q->answers ? domain_event_bind(b->stats.domid, offer->port) : NULL;
	return q->event ? 0 : -ENOMEM;
}

int blk_queue_start(struct blk_queue *q, struct blkback *disk, const struct blk_offer *offer)
{
	int rc;

	*q = (struct blk_queue){ .disk = disk, .grants.most = disk->grants_most };
	rc = map_ring(q, offer);
	for (unsigned i = 0; !rc && i < disk->threads_most && i < BLKBACK_THREADS; i++)
		rc = start_thread(q);
	if (rc) {
		blk_queue_end(q, false);
		blk_queue_stop(q);
	}
	return rc;
}

void blk_queue_end(struct blk_queue *q, bool answer)
{
	q->stopping = !answer;
	q->ending = true;
	if (answer) {
		q->last = back_ring_offered(&q->ring);
		/* It is what the frontend says, and may be ahead of what will ever be taken. */
		if (q->last - q->ring.consumed > q->ring.nslots)
			q->last = q->ring.consumed;
	}
	if (q->event)
		domain_event_kick(q->event);
	domain_wake(&q->idle);
	domain_wake(&q->pause);
}

void blk_queue_stop(struct blk_queue *q)
{
	while (q->threads)
		domain_sleep(&q->disk->changed, DOMAIN_NEVER);
	blk_grants_free(&q->grants);
	if (q->event)
		domain_event_close(q->event);
	if (q->map.addr)
		domain_unmap(&q->map);
	free(q->answers);
	*q = (struct blk_queue){ 0 };
}
