/* SPDX-License-Identifier: ISC */
/* Dates of HTTP (RFC 9110, 5.6.7) and of logs, in UTC. */
#ifndef HTTPD_DATE_H
#define HTTPD_DATE_H

#include "apps/httpd/text.h"

#include <time.h>

#define DATE_LEN 29			/* Sun, 06 Nov 1994 08:49:37 GMT */
#define DATE_LOG_LEN 26			/* 06/Nov/1994:08:49:37 +0000 */

/* Seconds are limited to the years 1970 to 9999. */
void date_write(char to[DATE_LEN], int64_t seconds);
void date_write_log(char to[DATE_LOG_LEN], int64_t seconds);
void date_write_short(char to[16], int64_t seconds);	/* 1994-11-06 08:49 */

/* Parses any of the three forms. Returns -1 if the date is invalid. */
int64_t date_read(struct span s);

#endif
