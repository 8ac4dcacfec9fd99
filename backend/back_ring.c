/* SPDX-License-Identifier: ISC */
#include "backend/back_ring.h"

#include <assert.h>
#include <errno.h>

/* struct name##_sring of xen/io/ring.h, for slots of any size. */
struct back_ring_page {
	uint32_t req_prod, req_event;
	uint32_t rsp_prod, rsp_event;
	uint8_t reserved[48];
	uint8_t slots[];
};

static void __shared *slot(struct back_ring *r, uint32_t index)
{
	return &r->page->slots[(index & (r->nslots - 1)) * r->slot_size];
}

void back_ring_attach(struct back_ring *r, void *memory, size_t size, size_t request_size,
		      size_t response_size)
{
	size_t slot_size = request_size > response_size ? request_size : response_size;
	size_t fit = (size - sizeof(struct back_ring_page)) / slot_size;

	*r = (struct back_ring){
		.page = memory, .nslots = 1, .slot_size = slot_size,
		.request_size = request_size, .response_size = response_size,
	};
	while (r->nslots * 2 <= fit)
		r->nslots *= 2;
	r->consumed = r->produced = shared_load(&r->page->rsp_prod);
}

bool back_ring_any(const struct back_ring *r)
{
	return !r->error && shared_load(&r->page->req_prod) != r->consumed;
}

uint32_t back_ring_offered(const struct back_ring *r)
{
	return shared_load(&r->page->req_prod);
}

int back_ring_take(struct back_ring *r, void *request)
{
	uint32_t requests;

	if (r->error)
		return r->error;
	requests = shared_load(&r->page->req_prod);
	if (requests == r->consumed)
		return 0;
	/* As RING_REQUEST_PROD_OVERFLOW(); and the index never goes back. */
	if (requests - r->produced > r->nslots || requests - r->consumed > r->nslots) {
		r->error = -EPROTO;
		return r->error;
	}
	shared_get(request, slot(r, r->consumed), r->request_size);
	r->consumed++;
	return 1;
}

bool back_ring_rearm(struct back_ring *r)
{
	if (r->error)
		return false;
	shared_store(&r->page->req_event, r->consumed + 1);
	shared_fence();
	return back_ring_any(r);
}

bool back_ring_put(struct back_ring *r, const void *response)
{
	uint32_t event;

	assert(r->produced != r->consumed);
	if (r->error)
		return false;
	shared_put(slot(r, r->produced), response, r->response_size);
	r->produced++;
	shared_store(&r->page->rsp_prod, r->produced);
	shared_fence();
	event = shared_load(&r->page->rsp_event);
	/* As RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(), for one response. */
	return event == r->produced;
}
