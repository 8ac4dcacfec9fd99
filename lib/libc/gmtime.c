/* SPDX-License-Identifier: ISC */
/* gmtime_r() (POSIX.1-2017): newlib's, which does not know the fields for the zone. */
#include <time.h>

/* newlib's function, which the Makefile has renamed. */
struct tm *__newlib_gmtime_r(const time_t *restrict at, struct tm *restrict to);

struct tm *gmtime_r(const time_t *restrict at, struct tm *restrict to)
{
	to = __newlib_gmtime_r(at, to);
	if (to) {
		to->tm_gmtoff = 0;
		to->tm_zone = "GMT";
	}
	return to;
}
