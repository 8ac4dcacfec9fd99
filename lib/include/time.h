/* SPDX-License-Identifier: ISC */
/* newlib's <time.h>, and timegm() and the variables of XSI without underscore. */
#ifndef XENOLITH_TIME_H
#define XENOLITH_TIME_H

#include_next <time.h>

#ifndef _COMPILING_NEWLIB
#ifdef __cplusplus
extern "C" {
#endif
#if __SVID_VISIBLE || __XSI_VISIBLE
/* Set by tzset(): seconds west of UTC, and whether the zone has summer time. */
extern long timezone __asm__("_timezone");
extern int daylight __asm__("_daylight");
#endif
#if __BSD_VISIBLE
time_t timegm(struct tm *tm);		/* the reverse of gmtime() */
time_t timelocal(struct tm *tm);	/* mktime() */
int stime(const time_t *now);
#endif
#if __MISC_VISIBLE && !__XSI_VISIBLE
char *strptime(const char *__restrict text, const char *__restrict format,
	       struct tm *__restrict to);
#endif
#ifdef __cplusplus
}
#endif
#endif

#endif
