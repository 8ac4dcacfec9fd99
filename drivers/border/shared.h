/* SPDX-License-Identifier: ISC */
/*
 * Memory that another domain can write at any moment.
 *
 * A __shared pointer may only be passed to the functions below.  `make check` compiles
 * every file with clang -Wnoderef, which rejects a plain dereference, so a double fetch
 * cannot be written by accident: data is copied out once, and the copy is checked.  None
 * of these sleep.
 */
#ifndef DRIVERS_BORDER_SHARED_H
#define DRIVERS_BORDER_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#define __shared __attribute__((noderef))
#else
#define __shared
#endif

/* Reads an index that the peer writes; the data that it guards is read after it. */
static inline uint32_t shared_load(const uint32_t __shared *p)
{
	return __atomic_load_n((const uint32_t *)(uintptr_t)p, __ATOMIC_ACQUIRE);
}

/* Publishes an index; everything written before it is visible first. */
static inline void shared_store(uint32_t __shared *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)(uintptr_t)p, v, __ATOMIC_RELEASE);
}

/* Keeps a store above and a load below in order: Dekker's algorithm with the peer. */
static inline void shared_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A byte of flags or state that both sides change. */
static inline uint8_t shared_byte_load(const uint8_t __shared *p)
{
	return __atomic_load_n((const uint8_t *)(uintptr_t)p, __ATOMIC_ACQUIRE);
}

static inline void shared_byte_store(uint8_t __shared *p, uint8_t v)
{
	__atomic_store_n((uint8_t *)(uintptr_t)p, v, __ATOMIC_SEQ_CST);
}

/*
 * One instruction each, without a result: there is no loop that the peer could prolong.
 */
static inline void shared_byte_or(uint8_t __shared *p, uint8_t bits)
{
	(void)__atomic_fetch_or((uint8_t *)(uintptr_t)p, bits, __ATOMIC_SEQ_CST);
}

static inline void shared_byte_and(uint8_t __shared *p, uint8_t bits)
{
	(void)__atomic_fetch_and((uint8_t *)(uintptr_t)p, bits, __ATOMIC_SEQ_CST);
}

/* Changes `from` to `to`; false if the byte was not `from`. */
static inline bool shared_byte_swap(uint8_t __shared *p, uint8_t from, uint8_t to)
{
	return __atomic_compare_exchange_n((uint8_t *)(uintptr_t)p, &from, to, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/*
 * Copy out, copy in.  Each byte of shared memory is accessed exactly once, in order of
 * address.  len is in bytes and may be 0; any alignment.
 */
void shared_get(void *dst, const void __shared *src, size_t len);
void shared_put(void __shared *dst, const void *src, size_t len);

#endif
