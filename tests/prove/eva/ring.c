/* SPDX-License-Identifier: ISC */
/*
 * drivers/border/ring.c for Frama-C's Eva: any number of calls in any order, with any arguments that
 * the header allows, and a backend that writes anything at any time.
 */
#include "drivers/border/ring.c"

static volatile unsigned any;
static volatile char page[4096];	/* volatile: each read has any value */
static char request[112], response[16];
static struct ring r;

void (*trace_put)(enum trace_event e, uint32_t a, uint32_t b);

void print(const char *fmt, ...)
{
}

void wake(struct waitq *queue)
{
}

void shared_get(void *dst, const void *src, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((char *)dst)[i] = ((const volatile char *)src)[i];
}

void shared_put(void *dst, const void *src, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((volatile char *)dst)[i] = ((const char *)src)[i];
}

int main(void)
{
	ring_init(&r, (void *)page, sizeof(page), sizeof(request), sizeof(response));
	for (;;) {
		unsigned n = any;

		switch (any % 5) {
		case 0:
			if (!n || ring_try_begin(&r, n))
				break;
			for (unsigned i = 0; i < n; i++)
				ring_put(&r, i, request);
			ring_end(&r, n);
			break;
		case 1:
			ring_take(&r, response);
			break;
		case 2:
			if (n)
				ring_rearm(&r, n);
			break;
		case 3:
			ring_short(&r);
			break;
		case 4:
			ring_fail(&r, -5);
			break;
		}
	}
}
