/* SPDX-License-Identifier: ISC */
/*
 * drivers/border/shared.c for up to LEN bytes at any alignment of the shared side: all bytes are copied, and
 * no others are written.  The string instruction for longer copies is not C, and is not part of it.
 */
#include "drivers/border/shared.c"
#include "tests/prove/prove.h"

#define LEN 10u

static uint8_t shared[LEN + 8] __attribute__((aligned(8))), own[LEN + 8] __attribute__((aligned(8)));
static uint8_t before;
static size_t len, shared_at, own_at, i;

static void any_place(uint8_t *to)
{
	any_bytes(shared, sizeof(shared));
	any_bytes(own, sizeof(own));
	len = nondet_size();
	shared_at = nondet_size();
	own_at = nondet_size();
	i = nondet_size();
	ASSUME(len <= LEN && shared_at < 8 && own_at < 2 && i < LEN + 8);
	before = to[i];
	REACHED("any place");
}

/* prove: unwind 9 seconds 9 */
void prove_get(void)
{
	any_place(own);
	shared_get(own + own_at, shared + shared_at, len);
	CLAIM("each byte is copied, and no other is written",
	      own[i] == (i >= own_at && i < own_at + len ? shared[shared_at + (i - own_at)] : before));
	REACHED("copied");
	if (len == LEN)
		REACHED("copied in words");
}

/* prove: unwind 9 seconds 9 */
void prove_put(void)
{
	any_place(shared);
	shared_put(shared + shared_at, own + own_at, len);
	CLAIM("each byte is copied, and no other is written", shared[i] ==
	      (i >= shared_at && i < shared_at + len ? own[own_at + (i - shared_at)] : before));
	REACHED("copied");
	if (len == LEN)
		REACHED("copied in words");
}

/* prove: unwind 1 */
void prove_head(void)
{
	const uint8_t *p = shared + nondet_uint8() % 8;
	size_t n, max = nondet_size();

	n = head(p, max);
	CLAIM("bytes before the first word, or all", n <= max && n < 8 &&
	      (n == max || (uintptr_t)(p + n) % 8 == 0));
	REACHED("a head");
}
