/* SPDX-License-Identifier: ISC */
/* Spins in the application, or in the kernel (argv[1]), in a function with this name. */
#include "kernel/sched.h"

#include <stdio.h>
#include <string.h>

__attribute__((noinline)) static void spin_for_ever(void)
{
	for (;;)
		__asm__ volatile("pause");
}

int main(int argc, char **argv)
{
	printf("spinning\n");
	if (argc > 1 && !strcmp(argv[1], "masked"))
		kernel_enter();
	spin_for_ever();
}
