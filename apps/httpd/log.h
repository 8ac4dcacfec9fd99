/* SPDX-License-Identifier: ISC */
/*
 * The access log on standard output, in the Common Log Format.
 *
 * A thread writes it, so that a console that is slow or stands still holds up nothing.
 * What does not fit in its memory meanwhile is dropped and counted.
 */
#ifndef HTTPD_LOG_H
#define HTTPD_LOG_H

#include "apps/httpd/text.h"

#include <netinet/in.h>

bool log_start(void);			/* false: no thread, no memory */
void log_request(const struct in6_addr *client, const char *date, struct span line,
		 int status, uint64_t bytes);
/* Let the thread write what there is: once a turn, not for each line. */
void log_flush(void);

extern uint64_t log_dropped;		/* lines */

#endif
