/* SPDX-License-Identifier: ISC */
/* malloc() and similar functions: failed, moving and freeing calls do not leak memory. */
#include "lib/libc/heap.h"
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

/* All memory becomes blocks that malloc() keeps when they are freed, 16 of a size. */
#define SMALL 480
static struct small {
	struct small *next;
	char text[SMALL - sizeof(void *)];
} *all_small;

static void use_up(void)
{
	struct small *s;

	while ((s = malloc(sizeof(*s)))) {
		memset(s->text, 'S', sizeof(s->text));
		s->next = all_small;
		all_small = s;
	}
}

static void free_small(unsigned n)
{
	struct small *s;

	while (n-- && (s = all_small)) {
		all_small = s->next;
		free(s);
	}
}

/* Of 16 blocks side by side, which are free, each function makes a larger one. */
static void kept_blocks_are_used_before_a_refusal(void)
{
	char *p, *grown;

	use_up();
	free_small(16);
	p = malloc(5 * SMALL);
	expect(p);
	use_up();
	free_small(16);
	grown = realloc(p, 10 * SMALL);
	expect(grown);
	use_up();
	free_small(16);
	p = memalign(64, 5 * SMALL);
	expect(p);
	free(p);
	use_up();
	free_small(16);
	memset(grown, 'S', 5 * SMALL);
	grown[5 * SMALL] = '\0';
	p = strdup(grown);
	expect(p);
	free(p);
	free(grown);
	free_small(-1);
}

/* The last of these blocks is behind top. */
static void freed_memory_is_cleared(void)
{
	static char *kept[3], *freed[3], *middle[3], *own;

	for (unsigned i = 0; i < 3; i++) {
		kept[i] = malloc(300);
		middle[i] = malloc(3000);
		freed[i] = malloc(3000);
		expect(kept[i] && middle[i] && freed[i]);
		memset(kept[i], 'K', 300);
		memset(middle[i], 'M', 3000);
		memset(freed[i], 'F', 3000);
	}
	own = sbrk(5000);
	expect(own != (void *)-1);
	memset(own, 'O', 5000);
	for (unsigned i = 0; i < 3; i++) {
		free(kept[i]);
		free(freed[i]);
	}
	heap_clear();
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 32; k < 280; k++)
			expect(kept[i][k] != 'K');
		for (unsigned k = 32; k < 2900; k++)
			expect(middle[i][k] == 'M' && freed[i][k] != 'F');
	}
	for (unsigned k = 0; k < 5000; k++)
		expect(own[k] == 'O');
	free(malloc(300000));	/* the heap goes on behind sbrk()'s */
	heap_clear();
	for (unsigned i = 0; i < 3; i++)
		free(middle[i]);
}

int main(void)
{
	usleep(200 * 1000);	/* allocations at boot must not be in the middle */
	freed_memory_is_cleared();
	refused_sizes_leave_all();
	overflows_are_refused();
	contents_move_along();
	the_last_room_is_found();
	kept_blocks_are_used_before_a_refusal();
	test_success();
}
