/* SPDX-License-Identifier: ISC */
/* NAME=VALUE arguments; what is not among them may be in the environment. */
#ifndef HTTPD_OPTIONS_H
#define HTTPD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *root;		/* a disk's name, or a folder */
	uint64_t port, connections, keep;
	uint64_t per_address;		/* connections; 0: half of all */
	uint64_t idle, header, send;	/* timeouts, milliseconds */
	bool log, status, metrics;
};

/* false, after a line on standard error. */
bool options_read(struct options *o, int argc, char **argv);

#endif
