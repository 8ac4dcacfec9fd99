/* SPDX-License-Identifier: ISC */
/*
 * Named semaphores (POSIX.1-2017: sem_open, sem_close, sem_unlink). There is only one
 * process, so a name only identifies the object. The names have their own name space, and
 * need not begin with a slash.
 */
#include "kernel/sched.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct named {
	sem_t sem;
	struct named *next;
	unsigned opened;		/* number of sem_open() without sem_close() */
	bool unlinked;			/* the name may be used for another one */
	char name[];
};

static struct named *all;

static struct named *lookup(const char *name)
{
	struct named *n = all;

	while (n && (n->unlinked || strcmp(n->name, name)))
		n = n->next;
	return n;
}

static void free_unused(struct named *unused)
{
	struct named **link = &all;

	if (unused->opened || !unused->unlinked)
		return;
	while (*link != unused)
		link = &(*link)->next;
	*link = unused->next;
	free(unused);
}

static struct named *create(const char *name, unsigned value, int *error)
{
	struct named *n = calloc(1, sizeof(*n) + strlen(name) + 1);

	*error = ENOSPC;
	if (!n)
		return NULL;
	if (sem_init(&n->sem, 0, value)) {
		*error = EINVAL;
		free(n);
		return NULL;
	}
	strcpy(n->name, name);
	n->next = all;
	all = n;
	return n;
}

/* Kernel code. */
static struct named *open_named(const char *name, int flags, unsigned value, int *error)
{
	struct named *n = lookup(name);

	*error = ENOENT;
	if (n && flags & O_CREAT && flags & O_EXCL) {
		*error = EEXIST;
		return NULL;
	}
	if (!n && flags & O_CREAT)
		n = create(name, value, error);
	if (n)
		n->opened++;
	return n;
}

sem_t *sem_open(const char *name, int flags, ...)
{
	struct named *n = NULL;
	unsigned value = 0;
	va_list args;
	int error = ENAMETOOLONG;

	va_start(args, flags);
	if (flags & O_CREAT) {
		(void)va_arg(args, mode_t);
		value = va_arg(args, unsigned);
	}
	va_end(args);
	kernel_enter();
	if (strlen(name) <= NAME_MAX)
		n = open_named(name, flags, value, &error);
	kernel_leave();
	if (n)
		return &n->sem;
	errno = error;
	return SEM_FAILED;
}

int sem_close(sem_t *s)
{
	struct named *n;

	kernel_enter();
	n = all;
	while (n && (&n->sem != s || !n->opened))
		n = n->next;
	if (n) {
		n->opened--;
		free_unused(n);
	}
	kernel_leave();
	if (n)
		return 0;
	errno = EINVAL;
	return -1;
}

int sem_unlink(const char *name)
{
	struct named *n;

	kernel_enter();
	n = lookup(name);
	if (n) {
		n->unlinked = true;
		free_unused(n);
	}
	kernel_leave();
	if (n)
		return 0;
	errno = strlen(name) > NAME_MAX ? ENAMETOOLONG : ENOENT;
	return -1;
}
