/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/record.h"

#include <errno.h>

#define RING_PAGES 64u			/* 256 KiB: two seconds of deep stacks at 1 kHz */
#define RING_WORDS (uint32_t)(RING_PAGES * PAGE_SIZE / 4)
#define TEXT_PAGES 8u
#define BYTES 18000u			/* bytes of records in a reply: 24,000 as text */

int records_begin(struct records *r)
{
	if (r->words)
		return -EBUSY;
	*r = (struct records){
		.words = page_alloc(RING_PAGES), .text = page_alloc(TEXT_PAGES),
	};
	if (r->words && r->text)
		return 0;
	records_end(r);
	return -ENOMEM;
}

void records_end(struct records *r)
{
	if (r->words)
		page_free(r->words, RING_PAGES);
	if (r->text)
		page_free(r->text, TEXT_PAGES);
	r->words = NULL;
	r->text = NULL;
}

void records_put(struct records *r, const uint32_t *words, unsigned n)
{
	uint32_t at = r->produced;

	if (r->closed)
		return;
	if (RING_WORDS - (at - __atomic_load_n(&r->consumed, __ATOMIC_RELAXED)) < n) {
		r->lost++;
		return;
	}
	for (unsigned i = 0; i < n; i++)
		r->words[(at + i) % RING_WORDS] = words[i];
	__atomic_store_n(&r->produced, at + n, __ATOMIC_RELEASE);
	r->put++;
}

static uint32_t length(const struct records *r, uint32_t at)
{
	return r->words[at % RING_WORDS] & 255;
}

size_t records_take(struct records *r)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t at = r->consumed, end = at, rest = 0;
	uint32_t limit = __atomic_load_n(&r->produced, __ATOMIC_ACQUIRE);
	size_t len = 0, bits = 0;

	while (end != limit && end + length(r, end) - at <= BYTES / 4)
		end += length(r, end);
	for (; at != end; at++)
		for (unsigned shift = 0; shift < 32; shift += 8) {
			rest = rest << 8 | (r->words[at % RING_WORDS] >> shift & 255);
			for (bits += 8; bits >= 6; bits -= 6)
				r->text[len++] = digits[rest >> (bits - 6) & 63];
		}
	if (bits)
		r->text[len++] = digits[rest << (6 - bits) & 63];
	while (len % 4)
		r->text[len++] = '=';
	__atomic_store_n(&r->consumed, end, __ATOMIC_RELEASE);
	return len;
}
