/* SPDX-License-Identifier: ISC */
#include "drivers/border/pending.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

struct pending_entry {
	void *what;			/* NULL: the id is free */
	uint32_t next;			/* free id */
};

int pending_init(struct pending *p, uint32_t size)
{
	assert(size <= INT32_MAX);
	*p = (struct pending){ .entry = calloc(size, sizeof(*p->entry)) };
	if (!p->entry)
		return -ENOMEM;
	p->size = size;
	for (uint32_t id = 0; id < size; id++)
		p->entry[id].next = id + 1;
	return 0;
}

void pending_free(struct pending *p)
{
	free(p->entry);
	*p = (struct pending){ 0 };
}

int pending_add(struct pending *p, void *what)
{
	uint32_t id = p->free;

	assert(what);
	if (id == p->size)
		return -EAGAIN;
	p->free = p->entry[id].next;
	p->entry[id].what = what;
	return id;
}

void *pending_take(struct pending *p, uint64_t id)
{
	void *what;

	if (id >= p->size || !p->entry[id].what)
		return NULL;
	what = p->entry[id].what;
	p->entry[id] = (struct pending_entry){ .next = p->free };
	p->free = id;
	return what;
}

void *pending_take_any(struct pending *p)
{
	for (uint32_t id = 0; id < p->size; id++)
		if (p->entry[id].what)
			return pending_take(p, id);
	return NULL;
}
