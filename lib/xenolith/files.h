/* SPDX-License-Identifier: ISC */
/*
 * The channel over which the operator copies files (docs/control.md), as the methods see it.
 *
 * It is a vchan that is served while a copy runs: first for 10 s until a client connects, then
 * until this client leaves.  Its messages are those of the control endpoint.  A method that sends
 * several replies may have data between two of them, as chunks: a uint32_t with their length
 * (little-endian) and so many bytes, at most FILES_CHUNK.  A chunk of length 0 ends the data.
 *
 * Kernel code only.  All functions may sleep.
 */
#ifndef LIB_XENOLITH_FILES_H
#define LIB_XENOLITH_FILES_H

#include "lib/file/path.h"

#define FILES_CHUNK (32 * 1024)
#define FILES_MESSAGE (8 * 1024)	/* bytes of a message, in either direction */

struct interface;

/* The memory of a copy. */
struct files {
	char path[PATH_BYTES];		/* of the call in progress */
	char in[FILES_MESSAGE], out[FILES_MESSAGE];
	struct {
		uint32_t length;
		char data[FILES_CHUNK];
	} chunk;
};

/* The copy that runs, or NULL. */
extern struct files *files;

/*
 * Serves the channel, on which only this interface can be called, by a thread.  to_guest: most
 * data is for the guest.  Returns 0; -EBUSY: a copy runs; -ENOMEM, or another error.
 */
int files_serve(const struct interface *interface, bool to_guest);

/* Data follows from the client.  Data that the method does not read is dropped. */
void files_expect(void);

/*
 * Reads a chunk into files->chunk.data.  Returns its length; 0: the end; -ECONNRESET: the client
 * has left; -EPROTO.
 */
ssize_t files_receive(void);

/* Sends len bytes of files->chunk.data as a chunk.  Returns 0, or -ECONNRESET. */
int files_send(size_t len);

#endif
