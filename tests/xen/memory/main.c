/* SPDX-License-Identifier: ISC */
/*
 * Allocates as much as possible, writes to each page, prints the KiB; with an
 * argument, stays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv __attribute__((unused)))
{
	size_t total = 0;
	char *p;

	printf("main\n");
	for (size_t size = 64ul << 30; size >= 4096; size /= 2)
		while ((p = malloc(size))) {
			for (size_t at = 0; at < size; at += 4096)
				p[at] = 1;
			total += size;
		}
	printf("malloc got %zu KiB\n", total / 1024);
	while (argc > 1)
		sleep(1000);
	return 0;
}
