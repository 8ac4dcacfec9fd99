/* SPDX-License-Identifier: ISC */
/*
 * Many faults in one guest: a report ends in panic_end(), which returns here.  The damage
 * is repaired before the next case, and before another thread runs.
 */
#include "each.h"

#include "kernel/log.h"
#include "kernel/sched.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define KEEP __attribute__((noinline, used))

static jmp_buf back;
static volatile int sink;
static void *volatile nothing;
static char *volatile p, *volatile q, *volatile r;	/* the compiler knows nothing of them */
static char buffer[1000];

static struct {
	char *at, bytes[64];
	size_t size;
} saved;

static _Noreturn void come_back(void)
{
	longjmp(back, 1);
}

/* ---- functions without a frame, called with NULL */

#define CALL(name, expression) KEEP static void call_##name(void) \
{ \
	expression; \
	sink++; \
}

CALL(strlen, sink = strlen(nothing))
CALL(memset5, memset(nothing, 0, 5))
CALL(memset100, memset(nothing, 0, 100))
CALL(memset1000, memset(nothing, 0, 1000))
CALL(memcpy4, memcpy(nothing, buffer, 4))
CALL(memcpy20, memcpy(buffer, nothing, 20))
CALL(memcpy900, memcpy(buffer, nothing, 900))
CALL(memmove, memmove(nothing, buffer, 100))
CALL(strcpy, strcpy(nothing, buffer))
CALL(strcmp, sink = strcmp(buffer, nothing))
CALL(strchr, sink = strchr(nothing, 'x') != NULL)
CALL(strrchr, sink = strrchr(nothing, 'x') != NULL)
CALL(strncpy, strncpy(buffer, nothing, 8))
CALL(memchr, sink = memchr(nothing, 'x', 8) != NULL)
CALL(memcmp, sink = memcmp(nothing, buffer, 8))
CALL(wcslen, sink = wcslen(nothing))
CALL(atoi, sink = atoi(nothing))
CALL(puts, puts(nothing))
CALL(strdup, nothing = strdup(nothing))
CALL(null, ((void (*)(void))nothing)())
CALL(wild, ((void (*)(void))0x123456789000)())

/* A tail call: the jump leaves no trace but the address that was called before it. */
KEEP static size_t jumps_to_strlen(void)
{
	return strlen(nothing);
}
CALL(tail, sink = jumps_to_strlen())

/* ---- the heap */

static void save(char *at, size_t size)
{
	saved.at = at;
	saved.size = size;
	memcpy(saved.bytes, at, size);
}

/* A block and one behind it; 16 bytes too many are written to the first. */
static void overrun(int byte)
{
	do {				/* a free chunk may be larger, or end elsewhere */
		p = malloc(24);
		q = malloc(24);
	} while (malloc_usable_size(p) != 24 || q != p + 32);
	save(p + 24, 16);
	memset(p, byte, 40);
}

/* r is a free block between two in use, of a size that no block that was freed before has. */
static size_t hole = 2000;

static void with_a_hole(void)
{
	hole += 64;
	p = malloc(hole);
	r = malloc(hole);
	q = malloc(hole);
	free(r);
}

KEEP static void free_zeroed(void) { overrun(0); free(p); sink++; }
KEEP static void free_filled(void) { overrun(0xff); free(p); sink++; }
KEEP static void free_text(void) { overrun('A'); free(p); sink++; }
KEEP static void free_behind(void) { overrun('A'); free(q); sink++; }
KEEP static void realloc_text(void) { overrun('A'); p = realloc(p, 5000); sink++; }
KEEP static void malloc_end(void)
{
	p = malloc(300000);
	save(p + 300000 - 300000 % 16 + 8, 16);
	memset(saved.at, 'A', 16);
	q = malloc(300000);
	sink++;
}
KEEP static void free_hole(void)
{
	with_a_hole();
	save(p + hole, 32);
	memset(saved.at, 'A', 32);
	free(p);
	sink++;
}
KEEP static void used_after_free(void)
{
	with_a_hole();
	save(r, 16);
	memset(r, 'A', 16);
	free(q);
	sink++;
}
KEEP static void malloc_after_use(void)
{
	with_a_hole();
	save(r, 16);
	memset(r, 'A', 16);
	r = malloc(hole);
	sink++;
}
KEEP static void free_twice(void) { with_a_hole(); free(r); sink++; }
/* Small blocks, which are kept for the next malloc(). */
KEEP static void free_small_twice(void) { p = malloc(400); q = malloc(400); free(p); free(p); sink++; }
KEEP static void realloc_small_freed(void) { p = malloc(416); free(p); p = realloc(p, 10); sink++; }
KEEP static void malloc_small_after_use(void)
{
	p = malloc(432);
	free(p);
	save(p, 16);
	memset(p, 'A', 16);
	p = malloc(432);
	sink++;
}
KEEP static void free_joined(void) { with_a_hole(); free(p); free(r); sink++; }
KEEP static void realloc_freed(void) { with_a_hole(); r = realloc(r, 10); sink++; }
KEEP static void free_stack(void)
{
	char local[64];

	p = local + 16;
	free(p);
	sink++;
}
KEEP static void free_static(void) { p = buffer + 16; free(p); sink++; }
KEEP static void free_inside(void) { p = calloc(1, 100); p += 16; free(p); sink++; }
KEEP static void free_odd(void) { p = malloc(100); p++; free(p); sink++; }
KEEP static void realloc_static(void) { p = buffer + 16; p = realloc(p, 5); sink++; }

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define CASE(name) { #name, name }
	CASE(call_strlen), CASE(call_memset5), CASE(call_memset100), CASE(call_memset1000),
	CASE(call_memcpy4), CASE(call_memcpy20), CASE(call_memcpy900), CASE(call_memmove),
	CASE(call_strcpy), CASE(call_strcmp), CASE(call_strchr), CASE(call_strrchr),
	CASE(call_strncpy), CASE(call_memchr), CASE(call_memcmp), CASE(call_wcslen),
	CASE(call_atoi), CASE(call_puts), CASE(call_strdup), CASE(call_null), CASE(call_wild),
	CASE(call_tail),
	CASE(free_zeroed), CASE(free_filled), CASE(free_text), CASE(free_behind),
	CASE(realloc_text), CASE(malloc_end), CASE(free_hole), CASE(used_after_free),
	CASE(free_twice), CASE(free_joined), CASE(realloc_freed), CASE(free_stack),
	CASE(free_static), CASE(free_inside), CASE(free_odd), CASE(realloc_static),
	CASE(malloc_after_use), CASE(free_small_twice), CASE(realloc_small_freed),
	CASE(malloc_small_after_use),
};

/* A fault under PVH and HVM is entered with interrupts off, and would leave them on by iret. */
static void end_report(void)
{
	unsigned long cs;

	panicking = false;
	memcpy(saved.at, saved.bytes, saved.size);
	saved.size = 0;
	while (current->depth)
		kernel_leave();
	__asm__("mov %%cs, %0" : "=r"(cs));
	if (!(cs & 3))
		__asm__ volatile("sti");
}

void each(void)
{
	saved.at = saved.bytes;
	panic_end = come_back;
	for (volatile size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		printf("\ncase %s\n", cases[i].name);
		fflush(stdout);
		if (setjmp(back)) {
			end_report();
			continue;
		}
		kernel_enter();
		cases[i].run();
		kernel_leave();
		printf("nothing was found\n");
		saved.size = 0;
	}
	_Exit(0);
}
