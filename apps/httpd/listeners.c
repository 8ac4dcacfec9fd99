/* SPDX-License-Identifier: ISC */
/* The sockets at which clients connect: of HTTP, and of HTTPS. */
#include "apps/httpd/server.h"
#include "apps/httpd/tls.h"
#include "apps/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define RELOAD 1000			/* ms between two looks at the files of certificates */

sigset_t listeners_mask;
static volatile sig_atomic_t hup;

static void on_hup(int signal)
{
	(void)signal;
	hup = 1;
}

void listeners_catch_hup(void)
{
	sigset_t blocked;

	sigemptyset(&listeners_mask);
	if (!server.options.tls)
		return;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGHUP, on_hup);
}

void listeners_after_hup(void)
{
	if (hup) {
		hup = 0;
		server.tls->reload(true);
	}
}

void listeners_reload(void)
{
	if (server.now < server.next_reload)
		return;
	server.next_reload = server.now + RELOAD;
	server.tls->reload(false);
}

void listeners_enable(bool on)
{
	for (struct listener *l = server.listeners; l < server.listeners + LISTENERS; l++) {
		struct epoll_event e = { .events = on ? EPOLLIN : 0, .data.ptr = l };

		if (l->fd >= 0 && l->enabled != on)
			epoll_ctl(server.epoll, EPOLL_CTL_MOD, l->fd, &e);
		l->enabled = on;
	}
}

struct listener *listener_of(void *p)
{
	struct listener *l = p;

	return l >= server.listeners && l < server.listeners + LISTENERS ? l : NULL;
}

static bool listen_to(struct listener *l, unsigned port, bool tls)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = l };

	*l = (struct listener){ .fd = -1, .tls = tls, .enabled = true };
	if (!port)
		return true;
	l->fd = listen_at(SOCK_STREAM, port, 1024);
	if (l->fd >= 0 && epoll_ctl(server.epoll, EPOLL_CTL_ADD, l->fd, &e) == 0)
		return true;
	fprintf(stderr, "httpd: port %u: %s\n", port, strerror(errno));
	return false;
}

bool listeners_open(void)
{
	return listen_to(&server.listeners[0], server.options.port, false) &&
	       listen_to(&server.listeners[1], server.options.tls, true);
}
