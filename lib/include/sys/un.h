/* SPDX-License-Identifier: ISC */
/* Addresses of local sockets: names of files, or of Linux's abstract names (the first byte is 0). */
#ifndef XENOLITH_SYS_UN_H
#define XENOLITH_SYS_UN_H

#include <sys/socket.h>

struct sockaddr_un {
	sa_family_t sun_family;
	char sun_path[108];
};

/*
 * A program that includes this header has local sockets with names; others have those of socketpair()
 * only.
 */
extern const char __local_socket_names;
static const char *const __has_local_socket_names __attribute__((__unused__, __used__)) =
	&__local_socket_names;

#define SUN_LEN(name) \
	(__builtin_offsetof(struct sockaddr_un, sun_path) + __builtin_strlen((name)->sun_path))

#endif
