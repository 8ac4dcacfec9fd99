/* SPDX-License-Identifier: ISC */
/*
 * Tries each violation of the table in docs/security.md, all in one guest, and prints a line for each:
 *
 *	held NAME report	a report ended it
 *	held NAME refused	the call failed
 *	fell NAME		it had its effect
 *
 * A report ends in panic_end(), which returns here; the damage is repaired before the next one.
 */
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/sched.h"

#include <alloca.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, used))
#define PAGE 4096ul
#define CHUNK (512 * PAGE)
#define REPORTED 1			/* what setjmp(back) returns */
#define ARRIVED 2

extern char image_start[], image_end[], hypercall_page[] __attribute__((weak));

static jmp_buf back;
static volatile int sink;
static volatile size_t many = 32;	/* the compiler does not know it */
static char small[8], text[64] = "a text that is longer than the eight bytes of it";
static char *volatile p, *volatile q, *volatile r;
static bool refused;			/* the call failed, as it should */

static struct {
	char *at, bytes[64];
	size_t size;
} saved;

static void save(char *at, size_t size)
{
	saved.at = at;
	saved.size = size;
	memcpy(saved.bytes, at, size);
}

/* It may run on the stack of a report, or on one that has overflowed. */
static __attribute__((no_split_stack)) _Noreturn void come_back(void)
{
	longjmp(back, REPORTED);
}

/* ---- memory that may not be written, executed or used at all */

KEEP static void store(const volatile void *at)
{
	*(volatile char *)(uintptr_t)at = *(const volatile char *)at;
}

KEEP static void run(void *at)
{
	memset(at, 0xc3, 16);		/* ret */
	((void (*)(void))at)();
	sink++;
}

static void write_text(void) { store((void *)(uintptr_t)write_text); }
static void write_constants(void) { store("constant"); }
static void write_hypercalls(void)
{
	if (hypercall_page)
		store(hypercall_page);
	else
		refused = true;
}
static void run_data(void) { static char code[16]; run(code); }
static void run_heap(void) { run(malloc(16)); }
static void run_stack(void) { char code[16]; run(code); }
static void run_mmap(void)
{
	run(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
static void map_code(void)
{
	char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		refused = true;
	else
		run(at);
}
static void protect_code(void)
{
	char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mprotect(at, PAGE, PROT_READ | PROT_EXEC))
		refused = true;
	else
		run(at);
}
static void protect_text(void)
{
	refused = mprotect((void *)((uintptr_t)write_text & ~(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE);
	if (!refused)
		write_text();
}
static void use_page_0(void) { store((void *)(uintptr_t)(many - 32)); }
static void use_below_the_image(void) { store(image_start - PAGE); }
static void use_behind_memory(void) { store((void *)boot_info.memory_end); }
static void use_never_given(void)
{
	/* The middle between heap and pages, which grow towards it. */
	store((void *)(((uintptr_t)page_brk(0) + boot_info.memory_end) / 2 & ~(PAGE - 1)));
}
/* The last page of the image's 2 MiB, which the builder of a PV guest maps writable and executable. */
static char *end_of_chunk(void)
{
	return (char *)(((uintptr_t)image_end | (CHUNK - 1)) & ~(PAGE - 1));
}
static void run_never_given(void) { run(end_of_chunk()); }
static void use_after_munmap(void)
{
	char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(at, PAGE);
	store(at);
}

/* ---- the stack */

KEEP static void smash_canary(void)
{
	volatile char buffer[16];

	for (size_t i = 0; i < 2 * many; i++)
		buffer[i] = 'x';
	sink = buffer[3];
}
KEEP static int deeper(int depth)
{
	volatile char frame[200];

	frame[depth % 200] = depth;
	return sink < 0 ? 0 : deeper(depth + 1) + frame[0];
}
static void recurse(void) { sink = deeper(0); }
KEEP static void skip_guard(void)
{
	volatile char *frame = alloca(many * 16384);	/* 512 KiB */

	frame[0] = 1;
	sink = frame[0];
}

/* A jmp_buf whose last word, the address, was overwritten. */
KEEP static void elsewhere(void)
{
	longjmp(back, ARRIVED);
}
static void jump_elsewhere(void)
{
	jmp_buf away;

	if (setjmp(away))
		return;
	away[7] = (long long)(uintptr_t)elsewhere;
	longjmp(away, 1);
}

/*
 * Below one of the stacks that the CPU changes to (arch/x86_64/hvm/traps.c), 4 pages each: those of
 * the NMI and of the double fault.  PV guests and processes have none.
 */
static void store_below(unsigned stack)
{
	struct { uint16_t limit; uintptr_t base; } __attribute__((packed)) table;
	const uint64_t *segment;
	uintptr_t task, selector, end;

	__asm__("mov %%cs, %0" : "=r"(selector));
	refused = selector & 3;
	if (refused)
		return;
	__asm__("sgdt %0" : "=m"(table));
	__asm__("str %0" : "=r"(selector));
	segment = (const uint64_t *)(table.base + selector);
	task = (segment[0] >> 16 & 0xffffff) | segment[0] >> 56 << 24 | segment[1] << 32;
	memcpy(&end, (const char *)task + 28 + 8 * stack, sizeof(end));	/* SDM 3, figure 8-11 */
	store((const char *)end - 4 * PAGE - 1);
}
static void use_below_nmi_stack(void) { store_below(1); }
static void use_below_fault_stack(void) { store_below(2); }

/* ---- the heap */

static size_t hole = 2000;

static void three(void)
{
	hole += 64;
	p = malloc(hole);
	r = malloc(hole);
	q = malloc(hole);
}
static void double_free(void) { three(); free(r); free(r); }
static void free_a_b_a(void) { three(); free(p); free(q); free(p); }
static void free_static(void) { free(text + 16); }
static void free_inside(void) { three(); free(r + 16); }
static void overflow_at_free(void)
{
	do {				/* a free chunk may be larger, or end elsewhere */
		p = malloc(24);
		q = malloc(24);
	} while (malloc_usable_size(p) != 24 || q != p + 32);
	save(p + 24, 16);
	for (size_t i = 24; i < 40; i++)
		p[i] = 'A';
	free(p);
}
static void underflow(void)
{
	three();
	save(r - 16, 16);
	for (int i = 1; i <= 16; i++)
		r[-i] = 'A';
	free(r);
}
static void unlink_chunk(void)
{
	three();
	free(r);
	save(r, 16);
	((void *volatile *)r)[0] = ((void *volatile *)r)[1] = text;
	free(p);			/* takes the chunk out of its list */
}
static void use_after_free(void) { three(); free(r); save(r + 64, 1); r[64] = 'A'; }
static void far_overflow(void) { three(); save(q, 1); p[q - p] = 'A'; }

/* ---- FORTIFY: sizes that the compiler knows */

static void open_zero(char *to, int how)
{
	FILE *f = fopen("/dev/zero", "r");

	if (how == 0)
		sink = read(fileno(f), to, many);
	else if (how == 1)
		sink = fread(small, 1, many, f);
	else
		fgets(small, many, f);
	fclose(f);
}

static void fortify_memcpy(void) { memcpy(small, text, many); }
static void fortify_memmove(void) { memmove(small, text, many); }
static void fortify_memset(void) { memset(small, 1, many); }
static void fortify_strcpy(void) { strcpy(small, text); }
static void fortify_strncpy(void) { strncpy(small, text, many); }
static void fortify_strcat(void) { strcat(small, text); }
static void fortify_strncat(void) { strncat(small, text, many); }
static void fortify_sprintf(void) { sprintf(small, "%s", text); }
static void fortify_snprintf(void) { snprintf(small, many, "%s", text); }
static void fortify_read(void) { sink = read(open("/dev/zero", O_RDONLY), small, many); }
static void fortify_fread(void) { open_zero(NULL, 1); }
static void fortify_fgets(void) { open_zero(NULL, 2); }

static const struct {
	const char *name;
	void (*try)(void);
	bool heap;			/* no other thread may run before the damage is repaired */
} rows[] = {
#define ROW(name) { #name, name, false }
#define HEAP_ROW(name) { #name, name, true }
	ROW(write_text), ROW(write_constants), ROW(write_hypercalls),
	ROW(run_data), ROW(run_heap), ROW(run_stack), ROW(run_mmap),
	ROW(map_code), ROW(protect_code), ROW(protect_text),
	ROW(use_page_0), ROW(use_below_the_image), ROW(use_behind_memory), ROW(use_never_given),
	ROW(run_never_given), ROW(use_after_munmap),
	ROW(smash_canary), ROW(recurse), ROW(skip_guard),
	ROW(jump_elsewhere), ROW(use_below_nmi_stack), ROW(use_below_fault_stack),
	HEAP_ROW(double_free), HEAP_ROW(free_a_b_a), HEAP_ROW(free_static), HEAP_ROW(free_inside),
	HEAP_ROW(overflow_at_free), HEAP_ROW(underflow), HEAP_ROW(unlink_chunk),
	HEAP_ROW(use_after_free), HEAP_ROW(far_overflow),
	ROW(fortify_memcpy), ROW(fortify_memmove), ROW(fortify_memset), ROW(fortify_strcpy),
	ROW(fortify_strncpy), ROW(fortify_strcat), ROW(fortify_strncat), ROW(fortify_sprintf),
	ROW(fortify_snprintf), ROW(fortify_read), ROW(fortify_fread), ROW(fortify_fgets),
};

/* A fault under PVH and HVM is entered with interrupts off, and would leave them on by iret. */
static void end_report(void)
{
	unsigned long cs;

	panicking = false;
	while (current->depth)
		kernel_leave();
	__asm__("mov %%cs, %0" : "=r"(cs));
	if (!(cs & 3))
		__asm__ volatile("sti");
}

static void repair(void)
{
	memcpy(saved.at, saved.bytes, saved.size);
	saved.size = 0;
	memset(small, 0, sizeof(small));
}

int main(int argc, char **argv)
{
	void (*end)(void) = panic_end;

	(void)argv;
	if (argc > 1) {			/* `next`: the same page of the next 2 MiB, and no other row */
		store(end_of_chunk() + CHUNK);
		printf("fell next\n");
		return 0;
	}

	saved.at = saved.bytes;
	panic_end = come_back;
	for (volatile size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		volatile bool reported = false;

		refused = false;
		switch (setjmp(back)) {
		case REPORTED:
			reported = true;
			break;
		case ARRIVED:
			break;
		default:
			if (rows[i].heap)
				kernel_enter();
			rows[i].try();
		}
		repair();
		if (reported)
			end_report();
		else if (rows[i].heap)
			kernel_leave();
		printf("\n%s %s%s\n", reported || refused ? "held" : "fell", rows[i].name,
		       reported ? " report" : refused ? " refused" : "");
		fflush(stdout);
	}
	panic_end = end;
	printf("all rows were tried\n");
	_Exit(0);
}
