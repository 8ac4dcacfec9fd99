/* SPDX-License-Identifier: ISC */
/*
 * Event channels from Linux user space, for tests/bench/run:
 *
 *	evtchn echo		in a Linux guest: answers each event from dom0 with an event
 *	evtchn ping DOMID PORT	in dom0: prints the time of a round trip in ns
 *	evtchn storm DOMID PORT SECONDS		sends events all the time; prints their number
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenevtchn.h>

#define WARM_UP 200
#define ROUNDS 5000

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void wait_for(xenevtchn_handle *h)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(h);

	if (port < 0 || xenevtchn_unmask(h, port))
		die("waiting");
}

static void echo(xenevtchn_handle *h)
{
	xenevtchn_port_or_error_t port = xenevtchn_bind_unbound_port(h, 0);

	if (port < 0)
		die("binding");
	printf("port: %d.\n", port);
	fflush(stdout);
	for (;;) {
		wait_for(h);
		xenevtchn_notify(h, port);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void ping(xenevtchn_handle *h, int domid, int remote)
{
	xenevtchn_port_or_error_t port = xenevtchn_bind_interdomain(h, domid, remote);
	double start = 0;

	if (port < 0)
		die("binding");
	for (int i = 0; i < WARM_UP + ROUNDS; i++) {
		if (i == WARM_UP)
			start = now();
		xenevtchn_notify(h, port);
		wait_for(h);
	}
	printf("%.0f\n", (now() - start) / ROUNDS);
}

static void storm(xenevtchn_handle *h, int domid, int remote, int seconds)
{
	xenevtchn_port_or_error_t port = xenevtchn_bind_interdomain(h, domid, remote);
	double end = now() + seconds * 1e9;
	unsigned long n = 0;

	if (port < 0)
		die("binding");
	for (; now() < end; n++)
		xenevtchn_notify(h, port);
	printf("%lu\n", n);
}

int main(int argc, char **argv)
{
	xenevtchn_handle *h = xenevtchn_open(NULL, 0);

	if (!h)
		die("/dev/xen/evtchn");
	if (argc == 2 && !strcmp(argv[1], "echo"))
		echo(h);
	if (argc == 4 && !strcmp(argv[1], "ping"))
		ping(h, atoi(argv[2]), atoi(argv[3]));
	if (argc == 5 && !strcmp(argv[1], "storm"))
		storm(h, atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	return 0;
}
