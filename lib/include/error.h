/* SPDX-License-Identifier: ISC */
/* Messages of programs, as in glibc (error(3)). */
#ifndef XENOLITH_ERROR_H
#define XENOLITH_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

extern unsigned error_message_count;
extern int error_one_per_line;
extern void (*error_print_progname)(void);

/* PROGRAM: MESSAGE: REASON (if error is not 0) on stderr.  Ends the program if status is not 0. */
void error(int status, int error, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));
void error_at_line(int status, int error, const char *file, unsigned line, const char *format, ...)
	__attribute__((__format__(__printf__, 5, 6)));

#ifdef __cplusplus
}
#endif

#endif
