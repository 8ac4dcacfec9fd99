/* SPDX-License-Identifier: ISC */
/* Internal declarations of cp.c and cp_out.c.  A function that fails ends the program with a
   message. */
#ifndef XENOLITH_CP_H
#define XENOLITH_CP_H

#include "xenolith.h"

#include <stdint.h>

#define CP_FILES INTERFACES "files1."
#define CP_CHUNK 32768			/* bytes of data at once, at most */

/* A part of a file, as the channel has it. */
extern struct cp_chunk {
	uint32_t length;
	char data[CP_CHUNK];
} cp_chunk;

extern const char *cp_guest;		/* as it was typed */
extern int cp_skipped;			/* something was not copied; a message says so */

/* Connects to the channel for files. */
void cp_open(int write);

/* Ends the program with an error of the guest.  hint: what follows it if the path is a folder. */
_Noreturn void cp_refuse(const char *path, const char *error, json_t *parameters, const char *hint);

char *cp_below(const char *path, const char *name);	/* PATH/NAME, to be freed */
json_t *cp_with_path(const char *path, int mode);	/* parameters; mode -1: none */

void cp_out(const char *path, const char *to, char option);

#endif
