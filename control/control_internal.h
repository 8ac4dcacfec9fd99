/* SPDX-License-Identifier: ISC */
/* Internal declarations of control/. */
#ifndef CONTROL_CONTROL_INTERNAL_H
#define CONTROL_CONTROL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct frontend;
struct interface;
struct json;
struct ring;

/*
 * Add interfaces to the table: the kernel's own (kernel_methods.c), profiler and tracer.
 */
void control_methods_add(void);
void profile_methods_add(void);
void trace_methods_add(void);

extern struct interface log_interface, config_interface;	/* log_methods.c, config_methods.c */

/* Starts the endpoint (endpoint.c), unless `control=off`; xenstore must be available. */
void control_endpoint_start(void);

/*
 * A stream of bytes as messages, each with a NUL behind it; one of `size` bytes or more is
 * too long (frames.c).
 */
struct frames {
	char *buf;
	size_t size, len;		/* len: of an incomplete message; less than size */
	bool too_long;			/* the incomplete message is too long */
};

/* Returns false to stop.  If the message is too_long, it has some of the last bytes. */
typedef bool take_frame(const char *message, size_t len, bool too_long);

/* n bytes were received at buf + len: passes each complete message on. */
bool frames_received(struct frames *f, size_t n, take_frame *take);

/* The state of a device: "connected", "connecting", "detached", "broken" or "failed". */
const char *frontend_state(const struct frontend *fe);

/* A member of this name: {"slots": n, "used": n, "most": n, "waiting": n}. */
void frontend_put_ring(struct json *j, const char *key, const struct ring *r);

#endif
