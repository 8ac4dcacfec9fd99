/* SPDX-License-Identifier: ISC */
/*
 * An application whose CPU time is known: half in half(), a quarter each in quarter() and,
 * in the kernel, in kernel_quarter().  Each is spent by a function that makes no frame.
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
	__asm__ volatile("");		/* no jump: who called it is to be seen */
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
