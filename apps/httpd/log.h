/* SPDX-License-Identifier: ISC */
/*
 * The access log on standard output, in the Common Log Format.
 *
 * A thread writes it, so that a slow or blocked console does not delay the server. Lines
 * that do not fit into the buffer meanwhile are dropped and counted.
 */
#ifndef HTTPD_LOG_H
#define HTTPD_LOG_H

#include "apps/httpd/text.h"

#include <netinet/in.h>

bool log_start(void);			/* false: no thread, or no memory */
void log_request(const struct in6_addr *client, const char *date, struct span line,
		 int status, uint64_t bytes);
/* Lets the thread write the buffered lines: once per turn, not for each line. */
void log_flush(void);

extern uint64_t log_dropped;		/* number of dropped lines */

#endif
