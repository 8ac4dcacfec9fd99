/* SPDX-License-Identifier: ISC */
#include "tests/files/outside.h"
#include "tests/fs/ext4_host.h"
#include "tests/fs/host_os.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* newlib's errno, and the end of its assert(). */
int *__errno(void);
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *what);

int *__errno(void)
{
	static int number;

	return &number;
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	fflush(stdout);
}

_Noreturn void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nlast log of fs/: %s\n", host_os.last_log);
	abort();
}

void format_text(char *to, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(to, size, fmt, args);
	va_end(args);
}

struct disk *outside_disk(const char *options, unsigned size)
{
	struct disk *d = calloc(1, sizeof(*d));

	disk_make(d, options, size);
	return d;
}

struct disk *outside_disk_copy(const struct disk *from)
{
	struct disk *d = calloc(1, sizeof(*d));

	disk_copy(from, d);
	return d;
}

struct block *outside_block(struct disk *d)
{
	return &d->block;
}

void outside_disk_check(struct disk *d, const char *what)
{
	disk_check(d, what);
}

void outside_disk_free(struct disk *d)
{
	disk_free(d);
	free(d);
}

bool outside_same(const char *path, const char *text)
{
	FILE *f = fopen(path, "r");
	char *data = f ? calloc(1, 1 << 20) : NULL;
	bool same = data && fread(data, 1, (1 << 20) - 1, f) == strlen(text) && !strcmp(data, text);

	free(data);
	if (f)
		fclose(f);
	return same;
}

size_t outside_memory(void)
{
	return host_os.used;
}

unsigned long outside_time(void)
{
	return os_time();
}

_Noreturn void __assert_func(const char *file, int line, const char *function, const char *what)
{
	die("%s:%d: %s(): assert(%s)", file, line, function, what);
}
