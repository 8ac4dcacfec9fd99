/* SPDX-License-Identifier: ISC */
/* syslog() on stderr: "name: message". */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

static const char *log_name = "main";
static int log_mask = LOG_UPTO(LOG_DEBUG);

void openlog(const char *name, int options, int facility)
{
	(void)options, (void)facility;
	log_name = name ? name : "main";
}

void closelog(void)
{
	log_name = "main";
}

int setlogmask(int mask)
{
	int before = log_mask;

	if (mask)
		log_mask = mask;
	return before;
}

/* Replaces %m by the text of the error, with each % doubled. */
static void with_reason(char *to, size_t size, const char *format, const char *reason)
{
	size_t at = 0;

	while (*format && at + 3 < size) {
		if (format[0] == '%' && format[1] == 'm') {
			for (const char *p = reason; *p && at + 3 < size; p++) {
				if (*p == '%')
					to[at++] = '%';
				to[at++] = *p;
			}
			format += 2;
			continue;
		}
		if (format[0] == '%' && format[1])
			to[at++] = *format++;
		to[at++] = *format++;
	}
	to[at] = '\0';
}

void vsyslog(int priority, const char *format, va_list args)
{
	char words[2048];
	size_t len = strlen(format);

	if (!(LOG_MASK(LOG_PRI(priority)) & log_mask))
		return;
	with_reason(words, sizeof(words), format, strerror(errno));
	flockfile(stderr);
	fprintf(stderr, "%s: ", log_name);
	vfprintf(stderr, len < 1000 ? words : format, args);
	if (!len || format[len - 1] != '\n')
		putc('\n', stderr);
	funlockfile(stderr);
}

void syslog(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsyslog(priority, format, args);
	va_end(args);
}
