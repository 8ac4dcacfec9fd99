/* SPDX-License-Identifier: ISC */
/* The address of a local socket; there are only nameless ones, by socketpair(). */
#ifndef XENOLITH_SYS_UN_H
#define XENOLITH_SYS_UN_H

#include <sys/socket.h>

struct sockaddr_un {
	sa_family_t sun_family;
	char sun_path[108];
};

#endif
