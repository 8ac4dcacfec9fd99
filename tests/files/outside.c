/* SPDX-License-Identifier: ISC */
#include "tests/files/outside.h"
#include "tests/fs/ext4_host.h"
#include "tests/fs/host_os.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* newlib's errno, and the end of its assert(). */
int *__errno(void);
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *what);

int *__errno(void)
{
	static int number;

	return &number;
}

/* ---- Allocations of lib/file, which files.mk names so.  host_os has those of fs/. */

static unsigned fail_in;
static size_t in_use;

void xenolith_free(void *p);
void *xenolith_malloc(size_t size), *xenolith_calloc(size_t n, size_t size);
void *xenolith_realloc(void *old, size_t size);
char *xenolith_strdup(const char *text);

/* fs/ and lib/file have one count. */
static bool fails(void)
{
	bool now;

	if (fail_in > host_os.fail_at && host_os.fail_at)
		fail_in = host_os.fail_at;
	now = fail_in && --fail_in == 0;
	host_os.fail_at = fail_in;
	if (now)
		*__errno() = ENOMEM;
	return now;
}

static void *counted(void *p)
{
	in_use += p != NULL;
	return p;
}

void xenolith_free(void *p)
{
	in_use -= p != NULL;
	free(p);
}

void *xenolith_malloc(size_t size)
{
	return fails() ? NULL : counted(malloc(size));
}

void *xenolith_calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(calloc(n, size));
}

void *xenolith_realloc(void *old, size_t size)
{
	return fails() ? NULL : old ? realloc(old, size) : counted(malloc(size));
}

char *xenolith_strdup(const char *text)
{
	return fails() ? NULL : counted(strdup(text));
}

bool outside_fail(unsigned n)
{
	/* host_os counts down to 0 when an allocation of fs/ fails. */
	bool failed = !fail_in || !host_os.fail_at;

	fail_in = host_os.fail_at = n;
	return failed;
}

bool outside_share(unsigned i)
{
	const char *share = getenv("HOST_SHARE");
	static unsigned first;

	if (!share || atoi(share) < 2)
		return true;
	if (!first)
		first = time(NULL) | 1u << 31;
	return (i + first) % atoi(share) == 0;
}

unsigned outside_part(unsigned n)
{
	const char *share = getenv("HOST_SHARE");
	unsigned part = share && atoi(share) > 1 ? n / atoi(share) : n;

	return part ? part : 1;
}

unsigned long outside_seed(void)
{
	const char *seed = getenv("HOST_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return seed ? strtoul(seed, NULL, 10) : (unsigned long)now.tv_nsec ^ now.tv_sec << 20;
}

/* ---- The rest. */

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
	return host_os.used + in_use;
}

unsigned long outside_time(void)
{
	return os_time();
}

_Noreturn void __assert_func(const char *file, int line, const char *function, const char *what)
{
	die("%s:%d: %s(): assert(%s)", file, line, function, what);
}
