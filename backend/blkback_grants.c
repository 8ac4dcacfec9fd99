/* SPDX-License-Identifier: ISC */
/* Persistent grants: pages that stay mapped until the connection ends, found by their ref. */
#include "backend/blkback.h"

#include <stdlib.h>

#define SLOTS 2048			/* a power of two; never full, so a search ends */
_Static_assert(SLOTS > BLKBACK_PERSISTENT * 3 / 2, "short searches");

struct blk_grant {
	struct domain_map map;
	uint32_t ref;
};

static struct blk_grant *slot_of(const struct blk_grants *g, uint32_t ref)
{
	uint32_t i = ref * 2654435761u;

	do
		i = (i + 1) % SLOTS;
	while (g->table[i].map.addr && g->table[i].ref != ref);
	return &g->table[i];
}

void *blk_grants_find(const struct blk_grants *g, uint32_t ref)
{
	return g->table ? slot_of(g, ref)->map.addr : NULL;
}

void *blk_grants_add(struct blk_grants *g, unsigned domid, uint32_t ref)
{
	struct domain_map map;
	struct blk_grant *slot;

	if (!g->table)
		g->table = calloc(SLOTS, sizeof(*g->table));
	if (!g->table || g->used >= g->most || domain_map(&map, domid, &ref, 1, false))
		return NULL;
	/* Another thread may have mapped it, or the last one that there is space for. */
	slot = slot_of(g, ref);
	if (slot->map.addr || g->used >= g->most) {
		void *there = slot->map.addr;

		domain_unmap(&map);
		return there;
	}
	*slot = (struct blk_grant){ map, ref };
	g->used++;
	return map.addr;
}

void blk_grants_free(struct blk_grants *g)
{
	for (unsigned i = 0, n = 0; g->table && i < SLOTS; i++) {
		if (!g->table[i].map.addr)
			continue;
		domain_unmap(&g->table[i].map);
		if (++n % 16 == 0) {	/* others have their turn */
			domain_leave();
			domain_enter();
		}
	}
	free(g->table);
	*g = (struct blk_grants){ 0 };
}
