/* SPDX-License-Identifier: ISC */
/* newlib's <pwd.h>. The users are those of /etc/passwd, or a few usual names (docs/port.md). */
#ifndef XENOLITH_PWD_H
#define XENOLITH_PWD_H

#include <stddef.h>
#include_next <pwd.h>

#if __MISC_VISIBLE
#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif
struct passwd *fgetpwent(FILE *file);
#ifdef __cplusplus
}
#endif
#endif

#endif
