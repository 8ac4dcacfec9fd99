/* SPDX-License-Identifier: ISC */
/* localtime_r() and mktime() (POSIX.1-2017): newlib's, which do not set the fields for the zone. */
#include <reent.h>
#include <time.h>

#include <sys/_tz_structs.h>

/* newlib's functions, which the Makefile has renamed. */
struct tm *__newlib_localtime_r(const time_t *restrict at, struct tm *restrict to);
time_t __newlib_mktime(struct tm *tm);

static void set_zone(struct tm *tm)
{
	int summer = tm->tm_isdst > 0;

	tm->tm_gmtoff = -__gettzinfo()->__tzrule[summer].offset;
	tm->tm_zone = _tzname[summer];
}

struct tm *localtime_r(const time_t *restrict at, struct tm *restrict to)
{
	to = __newlib_localtime_r(at, to);
	if (to)
		set_zone(to);
	return to;
}

time_t mktime(struct tm *tm)
{
	time_t at = __newlib_mktime(tm);

	set_zone(tm);
	return at;
}
