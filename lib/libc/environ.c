/* SPDX-License-Identifier: ISC */
/* clearenv() and secure_getenv() of glibc. */
#define _GNU_SOURCE
#include <stdlib.h>

extern char **environ;

/* The variables' memory is setenv()'s, which takes no memory back. */
int clearenv(void)
{
	/* Not another array: newlib's setenv() reallocates the one that it has made. */
	if (environ)
		environ[0] = NULL;
	return 0;
}

/* There are no set-user-ID programs. */
char *secure_getenv(const char *name)
{
	return getenv(name);
}
