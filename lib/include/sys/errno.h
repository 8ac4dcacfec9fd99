/* SPDX-License-Identifier: ISC */
/*
 * newlib's <sys/errno.h> with those names that it has only for Linux, such as ESHUTDOWN, and Linux's error
 * of a file system whose contents are invalid.
 */
#ifndef __LINUX_ERRNO_EXTENSIONS__
#define __LINUX_ERRNO_EXTENSIONS__ 1
#endif
#include_next <sys/errno.h>

#ifndef EUCLEAN
#define EUCLEAN 144		/* above newlib's numbers */
#endif
