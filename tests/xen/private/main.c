/* SPDX-License-Identifier: ISC */
/*
 * An application may define any name that is not part of the programming interface.  This
 * one defines a function for each private name of the kernel (private.c, which app.mk
 * makes).  None of them replaces the kernel's.
 */
#include "tests/xen/test.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern int (*const names[])(void);
static bool ours;

int application_name(const char *name);
int application_name(const char *name)
{
	if (!ours) {
		printf("the kernel called the application's %s()\n", name);
		abort();
	}
	return 0;
}

/* The kernel's, by its name in the image. */
void mask_events(void) __asm__("xenolith_kernel_enter");

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(to);
	unsigned called = 0;
	char text[8] = "";
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc > 1 && !strcmp(argv[1], "hang")) {
		mask_events();
		for (;;)
			__asm__ volatile("pause");
	}

	/* The network, sleeping, and memory work as ever. */
	expect(fd >= 0);
	expect(bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	expect(getsockname(fd, (struct sockaddr *)&to, &len) == 0);
	expect(sendto(fd, "datagram", 8, 0, (struct sockaddr *)&to, sizeof(to)) == 8);
	expect(recv(fd, text, sizeof(text), 0) == 8 && !memcmp(text, "datagram", 8));
	expect(close(fd) == 0);
	usleep(20000);
	free(malloc(1 << 20));

	ours = true;
	for (int (*const *f)(void) = names; *f; f++, called++)
		(*f)();
	ours = false;
	printf("%u names\n", called);
	expect(called > 500);
	test_success();
}
