/* SPDX-License-Identifier: ISC */
/* The first program: it greets, and shows what it was given. */
#include <stdio.h>

int main(int argc, char **argv)
{
	printf("Hello from Xenolith!\n");
	for (int i = 1; i < argc; i++)
		printf("argv[%d] = %s\n", i, argv[i]);
	return 0;
}
