/* SPDX-License-Identifier: ISC */
/*
 * mkstemp() and its family (POSIX.1-2017; mkostemp() and the forms with a suffix as on Linux).
 * newlib's mkdtemp() needs a configuration that this system does not have, and its names are
 * counted from the same first one each time.
 */
#define _GNU_SOURCE
#include "lib/result.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define X 6				/* characters at the end of the template */
#define TRIES 100

/* Replaces the six X before the suffix, which must be there. */
static char *place_of(char *template, int suffix)
{
	size_t len = strlen(template);

	if (suffix < 0 || len < X + (size_t)suffix ||
	    memcmp(template + len - suffix - X, "XXXXXX", X))
		return NULL;
	return template + len - suffix - X;
}

static void fill(char *x)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	uint64_t random;

	/* These are no keys: without RDRAND, getentropy() fails. */
	getrandom(&random, sizeof(random), GRND_INSECURE);
	for (int i = 0; i < X; i++, random /= sizeof(letters) - 1)
		x[i] = letters[random % (sizeof(letters) - 1)];
}

/* Calls make() for names until one did not exist.  If none was made, the X are back. */
static int make_name(char *template, int suffix, int flags,
		     int (*make)(const char *name, int flags))
{
	char *x = place_of(template, suffix);
	int rc = -1;

	if (!x)
		return result(-EINVAL);
	for (int i = 0; i < TRIES && rc < 0; i++) {
		fill(x);
		rc = make(template, flags);
		if (rc < 0 && errno != EEXIST)
			break;
	}
	if (rc < 0)
		memset(x, 'X', X);
	return rc;
}

static int make_file(const char *name, int flags)
{
	return open(name, (flags & ~O_ACCMODE) | O_RDWR | O_CREAT | O_EXCL, 0600);
}

static int make_folder(const char *name, int flags)
{
	(void)flags;
	return mkdir(name, 0700);
}

/* For mktemp(): 0 if nothing has the name now. */
static int look(const char *name, int flags)
{
	struct stat st;

	(void)flags;
	if (!lstat(name, &st))
		return result(-EEXIST);
	return errno == ENOENT ? 0 : -1;
}

int mkostemps(char *template, int suffix, int flags)
{
	return make_name(template, suffix, flags, make_file);
}

int mkstemps(char *template, int suffix)
{
	return mkostemps(template, suffix, 0);
}

int mkostemp(char *template, int flags)
{
	return mkostemps(template, 0, flags);
}

int mkstemp(char *template)
{
	return mkostemps(template, 0, 0);
}

char *mkdtemp(char *template)
{
	return make_name(template, 0, 0, make_folder) ? NULL : template;
}

char *mktemp(char *template)
{
	if (make_name(template, 0, 0, look))
		*template = '\0';
	return template;
}
