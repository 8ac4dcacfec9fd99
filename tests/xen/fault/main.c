/* SPDX-License-Identifier: ISC */
/* Causes the fault that argv[1] selects, each in its own function. */
#include "each.h"
#include "kernel/sched.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, used))

static volatile int sink;

KEEP static void null_write(void)
{
	*(volatile int *)(sink * 8l) = 1;
}

KEEP static void text_write(void)
{
	*(volatile char *)(unsigned long)&text_write = 1;
}

KEEP static void rodata_write(void)
{
	static const char constant[] = "constant";

	*(volatile char *)(unsigned long)constant = 1;
}

KEEP static void heap_jump(void)
{
	unsigned char *code = malloc(16);

	memset(code, 0xc3, 16);		/* ret */
	((void (*)(void))(unsigned long)code)();
	sink = 1;
}

KEEP static void stack_jump(void)
{
	unsigned char code[16];

	memset(code, 0xc3, sizeof(code));
	((void (*)(void))(unsigned long)code)();
	sink = code[0];
}

KEEP static int recurse(int depth)
{
	volatile char frame[200];

	frame[depth % 200] = depth;
	if (sink)
		return 0;
	return recurse(depth + 1) + frame[0];
}

KEEP static void smash(int length)
{
	volatile char buffer[16];

	for (int i = 0; i < length; i++)
		buffer[i] = 'x';
	sink = buffer[3];
}

KEEP static void call_abort(void)
{
	abort();
}

KEEP static void fail_assertion(void)
{
	assert(sink == 4711);
}

KEEP static void divide(int by)
{
	sink = 1000 / by;
}

/* Only the guard page detects this overflow: there is no check by the compiler. */
KEEP static void overflow(void *arg)
{
	(void)arg;
	__asm__ volatile("1: call 1b");
}

static void overflow_in_the_kernel(void)
{
	kernel_enter();
	thread_start("deep", THREAD_KERNEL, STACK_KERNEL, overflow, NULL, NULL);
	kernel_leave();
	sleep(1);		/* it may be the application's turn (kernel/sched.c) */
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	printf("about to: %s\n", how);
	if (!strcmp(how, "null"))
		null_write();
	else if (!strcmp(how, "text"))
		text_write();
	else if (!strcmp(how, "rodata"))
		rodata_write();
	else if (!strcmp(how, "heap"))
		heap_jump();
	else if (!strcmp(how, "stack"))
		stack_jump();
	else if (!strcmp(how, "recursion"))
		sink = recurse(0);
	else if (!strcmp(how, "smash"))
		smash(100 + argc);
	else if (!strcmp(how, "abort"))
		call_abort();
	else if (!strcmp(how, "assert"))
		fail_assertion();
	else if (!strcmp(how, "divide"))
		divide(sink);
	else if (!strcmp(how, "kernel"))
		overflow_in_the_kernel();
	else if (!strcmp(how, "each"))
		each();
	printf("survived\n");
	return 0;
}
