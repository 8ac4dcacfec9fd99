/* SPDX-License-Identifier: ISC */
/* newlib's <glob.h>, and what POSIX and glibc have. A backslash quotes, as in POSIX. */
#ifndef XENOLITH_GLOB_H
#define XENOLITH_GLOB_H

#include <stddef.h>
#include_next <glob.h>

#define GLOB_ABORTED		GLOB_ABEND
#define GLOB_NOSYS		(-4)	/* a flag that is not supported */
#define GLOB_NOESCAPE		0x2000	/* a backslash is a character as others */
#define GLOB_ONLYDIR		0x4000	/* a hint, without effect */
#define GLOB_PERIOD		0x8000	/* GLOB_NOSYS */
#define GLOB_TILDE_CHECK	0x10000	/* GLOB_NOSYS */

#endif
