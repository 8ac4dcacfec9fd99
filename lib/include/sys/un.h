/* SPDX-License-Identifier: ISC */
/* Addresses of local sockets. Only unnamed ones exist, made by socketpair(). */
#ifndef XENOLITH_SYS_UN_H
#define XENOLITH_SYS_UN_H

#include <sys/socket.h>

struct sockaddr_un {
	sa_family_t sun_family;
	char sun_path[108];
};

#endif
