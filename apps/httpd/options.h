/* SPDX-License-Identifier: ISC */
/* Options: NAME=VALUE arguments, or environment variables. */
#ifndef HTTPD_OPTIONS_H
#define HTTPD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *root;		/* a disk, or a folder */
	const char *upload;		/* a folder, or NULL */
	uint64_t upload_limit;		/* bytes of a file */
	uint64_t uploads, uploads_per_address;	/* at the same time */
	uint64_t port, connections, keep;	/* port: 0: none */
	uint64_t tls;			/* the port of TLS; 0: none */
	const char *cert, *key;		/* files in PEM, separated by commas; key: NULL: in those */
	uint64_t hsts;			/* milliseconds; 0: no such field */
	bool redirect;			/* all requests of `port` to `tls` */
	uint64_t per_address;		/* connections; 0: half of `connections` */
	uint64_t idle, header, send;	/* timeouts in milliseconds */
	bool index, log, status, metrics;
};

/* Returns false, after a message on standard error, if an option is invalid. */
bool options_read(struct options *o, int argc, char **argv);

#endif
