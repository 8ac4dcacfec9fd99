/* SPDX-License-Identifier: ISC */
/*
 * A guest that answers pings until it is shut down.
 *
 *	ping		with the network of its command line
 */
#include "tests/xen/test.h"

#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	expect(socket(AF_INET, SOCK_DGRAM, 0) >= 0);
	puts("The network is up.");
	for (;;)
		sleep(1000);
}
