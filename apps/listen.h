/* SPDX-License-Identifier: ISC */
/* The socket of a server, for IPv6 and IPv4 if both are available. */
#ifndef APPS_LISTEN_H
#define APPS_LISTEN_H

#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Returns a non-blocking socket of this type at the port on all addresses; a SOCK_STREAM
 * socket listens. Returns -1 with errno after an error.
 */
static inline int listen_at(int type, unsigned port, int backlog)
{
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET6, type, 0), yes = 1, no = 0, rc;
	bool six = fd >= 0 && !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));

	if (fd >= 0 && !six)
		close(fd);
	if (!six)
		fd = socket(AF_INET, type, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	rc = six ? bind(fd, (struct sockaddr *)&any6, sizeof(any6))
		 : bind(fd, (struct sockaddr *)&any4, sizeof(any4));
	if (rc < 0 || (type == SOCK_STREAM && listen(fd, backlog) < 0) ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

#endif
