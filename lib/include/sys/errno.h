/* SPDX-License-Identifier: ISC */
/* newlib's <sys/errno.h>, and Linux's error of a file system whose contents are invalid. */
#include_next <sys/errno.h>

#ifndef EUCLEAN
#define EUCLEAN 144		/* above newlib's numbers */
#endif
