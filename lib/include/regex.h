/* SPDX-License-Identifier: ISC */
/* newlib's <regex.h>, which uses off_t and size_t without declaring them. */
#include <sys/types.h>
#include_next <regex.h>
