/* SPDX-License-Identifier: ISC */
/*
 * An application with a known distribution of CPU time: half in half(), a quarter in
 * quarter(), and a quarter in kernel_quarter(), in the kernel.  A function without a
 * frame uses the time.
 */
#include "kernel/sched.h"
#include "tests/xen/test.h"

#define TURNS 200000ul			/* a fraction of a ms */

static __attribute__((noinline)) unsigned long spin(unsigned long n)
{
	while (n--)
		__asm__ volatile("" : "+r"(n));
	return n;
}

static __attribute__((noinline)) void half(void)
{
	spin(2 * TURNS);
	__asm__ volatile("");		/* prevents a tail jump, which would hide the caller */
}

static __attribute__((noinline)) void quarter(void)
{
	spin(TURNS);
	__asm__ volatile("");
}

static __attribute__((noinline)) void kernel_quarter(void)
{
	kernel_enter();
	spin(TURNS);
	kernel_leave();
}

int main(void)
{
	printf("up\n");
	for (;;) {
		half();
		quarter();
		kernel_quarter();
	}
}
