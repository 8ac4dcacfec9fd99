/* SPDX-License-Identifier: ISC */
/* Files of `xl save`: a header, the configuration as JSON, and the guest. */
#ifndef XENOLITH_SAVE_H
#define XENOLITH_SAVE_H

#include "endpoint.h"

/* Returns the configuration in a saved guest.  An error ends the program; command: for its text. */
json_t *saved_config(const char *command, const char *path);

/*
 * Writes the header with another configuration.  Returns a descriptor from which the guest is read,
 * or -1.
 */
int saved_rest(const char *path, const char *config, int to);

#endif
