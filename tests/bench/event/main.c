/* SPDX-License-Identifier: ISC */
/* Answers each event from dom0 with an event. */
#include "kernel/evtchn.h"

#include <stdio.h>

int main(void)
{
	struct evtchn port = { 0 };
	int rc;

	kernel_enter();
	rc = evtchn_listen(&port, "echo", 0);
	kernel_leave();
	if (rc) {
		printf("no port: %d\n", rc);
		return 1;
	}
	printf("port: %u.\n", port.port);
	kernel_enter();
	for (;;) {
		evtchn_wait(&port);
		evtchn_notify(&port);
	}
}
