/* SPDX-License-Identifier: ISC */
/*
 * Functions of the C library; the same source is compiled for Linux (tests/bench/unix.py).
 *
 *	libc NAME ROUNDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOTS 4096u

static void *slots[SLOTS];
static char from[1 << 20], to[1 << 20];
static volatile size_t sink;
static unsigned state = 1;

static unsigned number(void)
{
	state = state * 1664525 + 1013904223;
	return state >> 8;
}

/* A block of 16 to 128 bytes is freed, another is allocated. */
static void malloc_small(long rounds)
{
	for (long i = 0; i < rounds * 100; i++) {
		unsigned k = number() % SLOTS;

		free(slots[k]);
		slots[k] = malloc(16 + number() % 112);
		*(char *)slots[k] = 1;
	}
}

/* The same, up to 16 KiB, with more small blocks than large ones. */
static void malloc_mixed(long rounds)
{
	for (long i = 0; i < rounds * 100; i++) {
		unsigned k = number() % SLOTS;

		free(slots[k]);
		slots[k] = malloc(16 + number() % (16u << number() % 11));
		*(char *)slots[k] = 1;
	}
}

/* A block grows in small steps, as a string does. */
static void realloc_grow(long rounds)
{
	for (long i = 0; i < rounds; i++) {
		char *p = NULL;

		for (size_t n = 16; n < 100000; n += n / 4) {
			p = realloc(p, n);
			p[n - 1] = 1;
		}
		free(p);
	}
}

static void copy(size_t size, long times)
{
	for (long i = 0; i < times; i++) {
		memcpy(to + i % 7, from, size);
		__asm__ volatile("" : : "r"(to) : "memory");
	}
}

static void memcpy_100(long rounds)
{
	copy(100, rounds * 100);
}

static void memcpy_4k(long rounds)
{
	copy(4096, rounds * 10);
}

static void memcpy_512k(long rounds)
{
	copy(1 << 19, rounds / 10);
}

static void memset_4k(long rounds)
{
	for (long i = 0; i < rounds * 10; i++) {
		memset(to, i, 4096);
		__asm__ volatile("" : : "r"(to) : "memory");
	}
}

static void strings(long rounds)
{
	static const char *const words[] = { "a", "some words", "a longer line of text, as in a file",
					     "/usr/share/doc/package/README" };

	for (long i = 0; i < rounds * 10; i++) {
		strcpy(to, words[i % 4]);
		strcat(to, words[(i + 1) % 4]);
		sink += strlen(to) + strcmp(to, from) + (strchr(to, 'e') != NULL) +
			(memchr(to, 'x', 40) != NULL) + (strstr(to, "doc") != NULL);
	}
}

static void format(long rounds)
{
	for (long i = 0; i < rounds; i++)
		sink += snprintf(to, sizeof(to), "%d %s %08lx %5.2f", (int)i, "text", i, i / 7.0);
}

static int by_value(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static void sort(long rounds)
{
	unsigned *v = (unsigned *)to;

	for (long i = 0; i < rounds / 100; i++) {
		for (unsigned k = 0; k < 10000; k++)
			v[k] = number();
		qsort(v, 10000, sizeof(*v), by_value);
	}
}

static void clocks(long rounds)
{
	struct timespec t;

	for (long i = 0; i < rounds * 10; i++) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		sink += t.tv_nsec;
	}
}

static const struct {
	const char *name;
	void (*run)(long rounds);
} all[] = {
	{ "malloc_small", malloc_small }, { "malloc_mixed", malloc_mixed },
	{ "realloc_grow", realloc_grow }, { "memcpy_100", memcpy_100 },
	{ "memcpy_4k", memcpy_4k },	  { "memcpy_512k", memcpy_512k },
	{ "memset_4k", memset_4k },	  { "strings", strings },
	{ "format", format },		  { "sort", sort },
	{ "clocks", clocks },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(argv[1], all[i].name)) {
			all[i].run(atol(argv[2]));
			return 0;
		}
	return 2;
}
