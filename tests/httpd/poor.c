/* SPDX-License-Identifier: ISC */
/*
 * Simulates a machine with little memory: the linker replaces the calls by these functions.
 * From the first connection on, MEMORY bytes are available.  When they are used up, POOR
 * selects what happens: malloc() fails, or accept4() fails, or only the number of free pages
 * is reported as 0.
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void *__real_malloc(size_t size), *__real_realloc(void *p, size_t size);
void __real_free(void *p);
int __real_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);
long __real_sysconf(int name);

static size_t live, limit;

static bool poor(const char *how)
{
	return limit && !strcmp(getenv("POOR") ?: "", how);
}

void *__wrap_malloc(size_t size)
{
	void *p;

	if (poor("malloc") && live + size > limit)
		return NULL;
	p = __real_malloc(size);
	live += malloc_usable_size(p);
	return p;
}

void *__wrap_realloc(void *p, size_t size)
{
	live -= malloc_usable_size(p);
	p = __real_realloc(p, size);
	live += malloc_usable_size(p);
	return p;
}

void __wrap_free(void *p)
{
	live -= malloc_usable_size(p);
	__real_free(p);
}

char *__wrap_strndup(const char *s, size_t most)
{
	size_t n = strnlen(s, most);
	char *p = __wrap_malloc(n + 1);

	if (p) {
		memcpy(p, s, n);
		p[n] = '\0';
	}
	return p;
}

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
	if (!limit)
		limit = live + atoi(getenv("MEMORY") ?: "0");
	if (poor("accept") && live > limit) {
		errno = ENOBUFS;
		return -1;
	}
	return __real_accept4(fd, from, len, flags);
}

long __wrap_sysconf(int name)
{
	if (name != _SC_AVPHYS_PAGES || !poor("pages"))
		return __real_sysconf(name);
	return live < limit ? (limit - live) / __real_sysconf(_SC_PAGESIZE) : 0;
}
