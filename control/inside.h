/* SPDX-License-Identifier: ISC */
/* What the files of control/ share among themselves. */
#ifndef CONTROL_INSIDE_H
#define CONTROL_INSIDE_H

#include <stdbool.h>
#include <stddef.h>

/* The kernel's own interfaces join the table (kernel_methods.c). */
void control_methods_add(void);

/* Serve the operator, unless `control=off`; xenstore is there (endpoint.c). */
void control_endpoint_start(void);

/*
 * A stream of bytes as messages, each with a NUL behind it; one of `size` bytes or more is
 * too long (frames.c).
 */
struct frames {
	char *buf;
	size_t size, len;		/* len: of half a message; always less than size */
	bool too_long;			/* what it is half of */
};

/* False: no more.  Of what is too_long it has some of the last bytes. */
typedef bool take_frame(const char *message, size_t len, bool too_long);

/* n bytes have come to buf + len: each message that is complete is taken. */
bool frames_came(struct frames *f, size_t n, take_frame *take);

#endif
