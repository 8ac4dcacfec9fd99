/* SPDX-License-Identifier: ISC */
/*
 * Memory that another domain writes at any moment, in place of drivers/border/shared.h: whatever is
 * read from it has any value, each time.  The functions have the contracts of that header; the
 * functions on_*() of the proof see each access.
 */
#ifndef TESTS_PROVE_PEER_H
#define TESTS_PROVE_PEER_H

#define DRIVERS_BORDER_SHARED_H
#define __shared

#include "tests/prove/prove.h"

static void on_load(const void *p, uint32_t value);
static void on_store(const void *p, uint32_t value);
static void on_get(const void *to, const void *from, size_t len);
static void on_put(const void *to, const void *from, size_t len);

/* The order in which one index is published and another one is read. */
static unsigned stores;			/* of words and bytes */
static unsigned loads;
static bool fenced;			/* there was a fence, and no store since */

static inline uint32_t shared_load(const uint32_t *p)
{
	uint32_t value = nondet_uint32();

	CLAIM("an index is in memory", READABLE(p, sizeof(*p)));
	loads++;
	on_load(p, value);
	return value;
}

static inline void shared_store(uint32_t *p, uint32_t v)
{
	CLAIM("an index is in memory", WRITABLE(p, sizeof(*p)));
	stores++;
	fenced = false;
	on_store(p, v);
}

static inline void shared_fence(void)
{
	fenced = true;
}

static inline uint8_t shared_byte_load(const uint8_t *p)
{
	uint8_t value = nondet_uint8();

	CLAIM("a byte is in memory", READABLE(p, 1));
	loads++;
	on_load(p, value);
	return value;
}

static inline void shared_byte_store(uint8_t *p, uint8_t v)
{
	CLAIM("a byte is in memory", WRITABLE(p, 1));
	stores++;
	fenced = true;			/* it is sequentially consistent, as the next three */
	on_store(p, v);
}

static inline void shared_byte_or(uint8_t *p, uint8_t bits)
{
	shared_byte_store(p, bits);
}

static inline void shared_byte_and(uint8_t *p, uint8_t bits)
{
	shared_byte_store(p, bits);
}

static inline bool shared_byte_swap(uint8_t *p, uint8_t from, uint8_t to)
{
	(void)from;
	shared_byte_store(p, to);
	return nondet_bool();
}

void shared_get(void *dst, const void *src, size_t len)
{
	CLAIM("what is copied is in shared memory", len == 0 || READABLE(src, len));
	on_get(dst, src, len);
	CLAIM("bytes are copied to where there is memory", len == 0 || WRITABLE(dst, len));
#ifdef GET_FILLS			/* the proof gives the bytes any value itself */
	GET_FILLS(dst, len);
#else
	any_bytes(dst, len);
#endif
}

void shared_put(void *dst, const void *src, size_t len)
{
	CLAIM("what is copied is in private memory", len == 0 || READABLE(src, len));
	CLAIM("it is copied into shared memory", len == 0 || WRITABLE(dst, len));
	on_put(dst, src, len);
}

#endif
