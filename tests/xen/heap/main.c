/* SPDX-License-Identifier: ISC */
/* malloc() and similar functions: failed, moving and freeing calls do not leak memory. */
#include "tests/xen/test.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1ul << 20)

/* How many MiB can be had, one at a time; they are given back. */
static size_t available(void)
{
	void *first = NULL, *p;
	size_t n = 0;

	for (; (p = malloc(MIB)); n++) {
		*(void **)p = first;
		first = p;
	}
	while ((p = first)) {
		first = *(void **)p;
		free(p);
	}
	return n;
}

/* Each size, from one that cannot be had down to one that can. */
static void refused_sizes_leave_all(void)
{
	size_t before, after, size;
	void *p = NULL;

	for (size = 80 * MIB; size && !p; size -= MIB / 4)
		p = malloc(size);
	free(p);
	before = available();
	printf("%zu MiB at once, %zu MiB one by one\n", size / MIB, before);
	expect(before >= 50 && size / MIB + 3 >= before);
	for (size = before * MIB; size < (before + 4) * MIB; size += 65536) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p != MAP_FAILED)
			munmap(p, size);
		free(calloc(1, size));
		free(memalign(4096, size));
	}
	after = available();
	printf("%zu MiB after more that was refused\n", after);
	expect(after + 2 >= before);
}

#define REFUSED(call)								\
	do {									\
		errno = 0;							\
		expect((call) == NULL);						\
		expect_equal(errno, ENOMEM);					\
	} while (0)

static void overflows_are_refused(void)
{
	static const size_t large[] = {
		SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX - 31, SIZE_MAX - 4096,
		SIZE_MAX / 2, SIZE_MAX / 2 + 1, 1ul << 40, 3ul << 30, 1ul << 31,
	};
	void *p = malloc(100), *q = NULL;

	memset(p, 7, 100);
	REFUSED(calloc(1ul << 61, 16));
	REFUSED(calloc(16, 1ul << 61));
	REFUSED(calloc(1ul << 32, 1ul << 32));
	REFUSED(calloc(SIZE_MAX, SIZE_MAX));
	REFUSED(reallocarray(p, 1ul << 61, 16));
	REFUSED(reallocarray(p, 1ul << 33, 1ul << 31));
	for (unsigned i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		REFUSED(malloc(large[i]));
		REFUSED(calloc(1, large[i]));
		REFUSED(calloc(large[i], 1));
		REFUSED(realloc(p, large[i]));
		REFUSED(realloc(NULL, large[i]));
		REFUSED(reallocarray(p, large[i], 1));
		REFUSED(memalign(64, large[i]));
		REFUSED(memalign(1ul << 30, large[i]));
		REFUSED(aligned_alloc(4096, large[i]));
		REFUSED(valloc(large[i]));
		REFUSED(pvalloc(large[i]));
		expect_equal(posix_memalign(&q, 4096, large[i]), ENOMEM);
	}
	errno = 0;
	expect(!aligned_alloc(24, 100) && errno == EINVAL);
	for (unsigned i = 0; i < 100; i++)
		expect_equal(((char *)p)[i], 7);
	free(p);
}

static unsigned seed = 1;

static unsigned below(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (unsigned)((uint64_t)seed * n >> 32);
}

#define BLOCKS 64
static struct block {
	unsigned char *at, byte;
	size_t size;
} blocks[BLOCKS];

static void check(const struct block *b, size_t n)
{
	for (size_t i = 0; i < n; i += n < 1000 || n - i < 17 ? 1 : 17)
		expect(b->at[i] == b->byte);
}

/* Blocks that grow, shrink and move keep their contents. */
static void contents_move_along(void)
{
	size_t before = available();

	for (unsigned step = 0; step < 20000; step++) {
		struct block *b = &blocks[below(BLOCKS)];
		size_t size = below(100) ? below(5000) : below(2 * MIB);
		void *p;

		if (below(4) == 0) {
			free(b->at);
			*b = (struct block){ 0 };
			continue;
		}
		p = realloc(b->at, size);
		if (!p)
			continue;
		expect((uintptr_t)p % 16 == 0 && malloc_usable_size(p) >= size);
		b->at = p;
		check(b, size < b->size ? size : b->size);
		b->size = size;
		b->byte = step;
		memset(p, b->byte, size);
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		check(&blocks[i], blocks[i].size);
		free(blocks[i].at);
	}
	expect(available() + 1 >= before);
}

/*
 * A third of memory grows to more than is free behind it: this needs the free memory
 * before it.
 */
static void the_last_room_is_found(void)
{
	size_t all = available() * MIB, i;
	char *below_it = malloc(all / 3), *p = malloc(all / 3), *grown;

	expect(below_it && p);
	for (i = 0; i < all / 3; i += 4096)
		p[i] = i >> 12;
	free(below_it);
	grown = realloc(p, all / 10 * 6);
	expect(grown);
	for (i = 0; i < all / 3; i += 4096)
		expect(grown[i] == (char)(i >> 12));
	grown = realloc(grown, 10);
	expect(grown);
	free(grown);
	expect(available() + 2 >= all / MIB);
}

int main(void)
{
	usleep(200 * 1000);	/* allocations at boot must not be in the middle */
	refused_sizes_leave_all();
	overflows_are_refused();
	contents_move_along();
	the_last_room_is_found();
	test_success();
}
