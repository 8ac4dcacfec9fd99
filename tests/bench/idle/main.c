/* SPDX-License-Identifier: ISC */
/* Prints a line, then sleeps for ever. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("ready");
	for (;;)
		sleep(3600);
}
