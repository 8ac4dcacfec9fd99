/* SPDX-License-Identifier: ISC */
/* Says that it is there, and sleeps for ever. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("ready");
	for (;;)
		sleep(3600);
}
