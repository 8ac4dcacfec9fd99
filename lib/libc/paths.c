/* SPDX-License-Identifier: ISC */
/* Functions of glibc that allocate a path. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

char *canonicalize_file_name(const char *name)
{
	return realpath(name, NULL);
}

/* PWD has no part in it: it would have to be checked. */
char *get_current_dir_name(void)
{
	return getcwd(NULL, 0);
}
