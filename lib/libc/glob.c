/* SPDX-License-Identifier: ISC */
/* glob() (POSIX.1-2017): newlib's, in which a backslash quotes only with a flag of its own. */
#include <glob.h>

/* newlib's function, which the Makefile has renamed. */
int __newlib_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *to);

int glob(const char *restrict pattern, int flags, int (*error)(const char *, int),
	 glob_t *restrict to)
{
	if (flags & (GLOB_PERIOD | GLOB_TILDE_CHECK))
		return GLOB_NOSYS;
	if (!(flags & GLOB_NOESCAPE))
		flags |= GLOB_QUOTE;
	return __newlib_glob(pattern, flags & ~(GLOB_NOESCAPE | GLOB_ONLYDIR), error, to);
}
