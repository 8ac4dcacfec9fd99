/* SPDX-License-Identifier: ISC */
/*
 * tzset() (POSIX.1-2017): newlib's, which leaves the names of the time zone empty if TZ does not
 * have the form `CET-1CEST`.
 *
 * A name such as Europe/Berlin (with or without a colon) is that of a file in TZDIR, or in
 * /usr/share/zoneinfo, in the form of RFC 8536. Its last line has the rules that apply today in the
 * form of TZ; they are used for all times. A zone whose file is missing or invalid is UTC.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <reent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RULE_MAX 128

/* newlib's function, which the Makefile has renamed, and its lock (libc/time/local.h). */
void __newlib_tzset_unlocked_r(struct _reent *reent);
void __tz_lock(void);
void __tz_unlock(void);

/* Only in an image that opens files by itself. */
int open(const char *name, int flags, ...) __attribute__((weak));

static char rule[RULE_MAX];		/* of the file `of` */
static char of[RULE_MAX];

/* The last line of a file with version 2 or above, between two newlines. */
static void read_rule(int fd)
{
	char magic[5], end[RULE_MAX + 2], *line;
	off_t size = lseek(fd, 0, SEEK_END), from = size > RULE_MAX + 1 ? size - RULE_MAX - 1 : 0;
	ssize_t n;

	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) || memcmp(magic, "TZif", 4) ||
	    magic[4] < '2')
		return;
	n = pread(fd, end, RULE_MAX + 1, from);
	if (n < 2 || end[n - 1] != '\n')
		return;
	end[n - 1] = '\0';
	line = memrchr(end, '\n', n - 1);
	if (line && strlen(line + 1) < sizeof(rule))
		strcpy(rule, line + 1);
}

/* Whether TZ is the name of a file.  A rule begins with letters, or a name in <>, and a number. */
static int is_name(const char *zone)
{
	size_t letters = 0;

	while ((zone[letters] | 0x20) >= 'a' && (zone[letters] | 0x20) <= 'z')
		letters++;
	return *zone != '<' && (letters < 3 || !zone[letters] || !strchr("+-0123456789", zone[letters]));
}

static const char *rule_of(const char *zone)
{
	const char *dir = getenv("TZDIR");
	char path[256];
	int fd;

	zone += *zone == ':';
	if (!strcmp(zone, of))
		return rule;
	*rule = '\0';
	snprintf(of, sizeof(of), "%s", zone);
	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "/usr/share/zoneinfo", zone);
	fd = open && *zone && !strstr(zone, "..") ? open(*zone == '/' ? zone : path, O_RDONLY) : -1;
	if (fd >= 0) {
		read_rule(fd);
		close(fd);
	}
	return rule;
}

/* The value of TZ for newlib's function, which calls this instead of _getenv_r(). */
char *__newlib_getenv_r(struct _reent *reent, const char *name);
char *__newlib_getenv_r(struct _reent *reent, const char *name)
{
	char *zone = getenv(name);

	(void)reent;
	return zone && *zone && is_name(zone) ? (char *)rule_of(zone) : zone;
}

void _tzset_unlocked_r(struct _reent *reent)
{
	const char *zone = getenv("TZ");

	__newlib_tzset_unlocked_r(reent);
	if (!zone || !*_tzname[0])
		_tzname[0] = _tzname[1] = zone && !strcmp(zone, "GMT") ? "GMT" : "UTC";
}

void _tzset_r(struct _reent *reent)
{
	__tz_lock();
	_tzset_unlocked_r(reent);
	__tz_unlock();
}
