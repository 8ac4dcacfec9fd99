/* SPDX-License-Identifier: ISC */
/* error() and error_at_line() of glibc (error(3)). */
#define _GNU_SOURCE
#include <errno.h>
#include <error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned error_message_count;
int error_one_per_line;
void (*error_print_progname)(void);

static void print(const char *file, unsigned line, int reason, const char *format, va_list args)
{
	fflush(stdout);
	flockfile(stderr);
	if (error_print_progname)
		error_print_progname();
	else
		fprintf(stderr, "%s:%s", program_invocation_name, file ? "" : " ");
	if (file)
		fprintf(stderr, "%s:%u: ", file, line);
	vfprintf(stderr, format, args);
	if (reason)
		fprintf(stderr, ": %s", strerror(reason));
	putc('\n', stderr);
	error_message_count++;
	funlockfile(stderr);
}

void error(int status, int reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(NULL, 0, reason, format, args);
	va_end(args);
	if (status)
		exit(status);
}

void error_at_line(int status, int reason, const char *file, unsigned line, const char *format, ...)
{
	static const char *last_file;
	static unsigned last_line;
	va_list args;

	if (error_one_per_line && last_file && line == last_line && !strcmp(file, last_file))
		return;
	last_file = file;
	last_line = line;
	va_start(args, format);
	print(file, line, reason, format, args);
	va_end(args);
	if (status)
		exit(status);
}
