/* SPDX-License-Identifier: ISC */
/* Internal declarations of the fault store: store_faults.c, store_faults_rule.c, store_cache.c. */
#ifndef BACKEND_STORE_FAULTS_H
#define BACKEND_STORE_FAULTS_H

#include "backend/domain.h"

#include <xenolith/disk.h>

enum fault_op { FAULT_READ, FAULT_WRITE, FAULT_FLUSH, FAULT_DISCARD, FAULT_OPS };

/* A rule about requests. */
struct fault_rule {
	struct fault_rule *next;
	unsigned ops;			/* bits of enum fault_op */
	bool ranged;
	uint64_t first, last;		/* bytes: the first one, and the one behind the last */
	enum { FAULT_ERROR, FAULT_TORN, FAULT_HANG, FAULT_DROP, FAULT_LATENCY } kind;
	int error;			/* negative */
	uint64_t latency;		/* ns */
	uint64_t after, duration;	/* ns since the first connection; duration 0: for ever */
	uint64_t skip;			/* how many requests it does not meet first */
	uint64_t times;			/* how often; 0: always */
	uint64_t numerator, denominator;	/* rate; 0: always */
};

/* Rules about the disk. */
enum fault_flag { FAULT_CACHE = 1, FAULT_LOSE = 2, FAULT_LOSE_SOME = 4, FAULT_OUT_OF_ORDER = 8 };

/* ---- store_faults_rule.c */

/*
 * Parses a rule.  Returns 0, and fills *rule, or sets *flags and leaves rule->ops 0; or -EINVAL and
 * *why.
 */
int fault_parse(const char *text, struct fault_rule *rule, unsigned *flags, const char **why);

/* ---- store_cache.c: writes that are not flushed.  Called inside of the monitor, and not sleeping. */

struct cache_block;

struct write_cache {
	struct cache_block *table[1024];
	uint64_t bytes;			/* of memory */
};

/* Returns 0 or -ENOMEM. */
int cache_write(struct write_cache *c, const struct iovec *from, int count, uint64_t at);

/* Replaces what was read from below by what is cached. */
void cache_read(const struct write_cache *c, const struct iovec *to, int count, uint64_t at);

/* Forgets a range: it was discarded. */
void cache_drop(struct write_cache *c, uint64_t at, uint64_t len);

/*
 * Finds consecutive sectors to write back.  data stays valid until the next call.  Returns false if
 * there are none.  clean() forgets them if they have not been written since.
 */
struct cache_run {
	struct cache_block *block;
	unsigned first, count;		/* sectors of the block */
	uint64_t at;
	uint8_t data[4096];
};
bool cache_next(struct write_cache *c, struct cache_run *r);
void cache_clean(struct write_cache *c, const struct cache_run *r);

/* Forgets each sector, or, if keep() returns true, marks nothing and keeps it. */
void cache_lose(struct write_cache *c, bool (*keep)(void *arg), void *arg);

#endif
