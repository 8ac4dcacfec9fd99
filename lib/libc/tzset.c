/* SPDX-License-Identifier: ISC */
/*
 * tzset() (POSIX.1-2017): newlib's, which leaves the names of the time zone empty if TZ
 * does not have the form `CET-1CEST`. There are no time zone files: such a zone is UTC.
 */
#include <reent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* newlib's function, which the Makefile has renamed, and its lock (libc/time/local.h). */
void __newlib_tzset_unlocked_r(struct _reent *reent);
void __tz_lock(void);
void __tz_unlock(void);

void _tzset_unlocked_r(struct _reent *reent)
{
	const char *zone = getenv("TZ");

	__newlib_tzset_unlocked_r(reent);
	if (!zone || !*_tzname[0])
		_tzname[0] = _tzname[1] = zone && !strcmp(zone, "GMT") ? "GMT" : "UTC";
}

void _tzset_r(struct _reent *reent)
{
	__tz_lock();
	_tzset_unlocked_r(reent);
	__tz_unlock();
}
