/* SPDX-License-Identifier: ISC */
/* err(3): the program's name, the message, the reason. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_message(const char *format, va_list args, const char *reason)
{
	flockfile(stderr);
	fputs("main: ", stderr);
	if (format) {
		vfprintf(stderr, format, args);
		if (reason)
			fputs(": ", stderr);
	}
	fprintf(stderr, "%s\n", reason ? reason : "");
	funlockfile(stderr);
}

void vwarn(const char *format, va_list args)
{
	print_message(format, args, strerror(errno));
}

void vwarnx(const char *format, va_list args)
{
	print_message(format, args, NULL);
}

void verr(int status, const char *format, va_list args)
{
	vwarn(format, args);
	exit(status);
}

void verrx(int status, const char *format, va_list args)
{
	vwarnx(format, args);
	exit(status);
}

#define PASS_ON(to)				\
	va_list args;				\
						\
	va_start(args, format);			\
	to;					\
	va_end(args)

void warn(const char *format, ...)
{
	PASS_ON(vwarn(format, args));
}

void warnx(const char *format, ...)
{
	PASS_ON(vwarnx(format, args));
}

void err(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	verr(status, format, args);
}

void errx(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	verrx(status, format, args);
}
