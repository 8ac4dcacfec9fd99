/* SPDX-License-Identifier: ISC */
/* newlib's <stdlib.h>, and functions and macros of POSIX and glibc. */
#ifndef XENOLITH_STDLIB_H
#define XENOLITH_STDLIB_H

#include_next <stdlib.h>

#if __XSI_VISIBLE || __MISC_VISIBLE
#include <sys/_waitstatus.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif
#if __BSD_VISIBLE
int clearenv(void);
int getloadavg(double loads[], int count);	/* 0: not measured, so no number is stored */
#endif
#if __GNU_VISIBLE
char *canonicalize_file_name(const char *name);	/* realpath(name, NULL) */
#endif
#ifdef __cplusplus
}
#endif

#endif
