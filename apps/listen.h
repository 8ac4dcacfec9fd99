/* SPDX-License-Identifier: ISC */
/* Where a server begins: its socket, for IPv6 and IPv4 where there are both. */
#ifndef APPS_LISTEN_H
#define APPS_LISTEN_H

#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A socket of that type at the port of all addresses, which does not block; a stream's
 * listens.  -1: errno says why.
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
