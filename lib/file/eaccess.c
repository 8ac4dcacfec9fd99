/* SPDX-License-Identifier: ISC */
/* eaccess() of glibc: access() by the effective IDs, on which no right depends. */
#define _GNU_SOURCE
#include <unistd.h>

int eaccess(const char *name, int mode)
{
	return access(name, mode);
}

int euidaccess(const char *name, int mode)
{
	return access(name, mode);
}
