/* SPDX-License-Identifier: ISC */
/* newlib's <errno.h>, and the program's name as in glibc. */
#ifndef XENOLITH_ERRNO_H
#define XENOLITH_ERRNO_H

#include_next <errno.h>

#if __GNU_VISIBLE
#ifdef __cplusplus
extern "C" {
#endif
extern char *program_invocation_name, *program_invocation_short_name;
#ifdef __cplusplus
}
#endif
#endif

#endif
