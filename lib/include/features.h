/* SPDX-License-Identifier: ISC */
/* Which standards a program asks for (_POSIX_C_SOURCE ...). It does not define __GLIBC__. */
#include <sys/features.h>
