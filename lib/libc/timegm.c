/* SPDX-License-Identifier: ISC */
/* timegm() of BSD and Linux: the reverse of gmtime(); timelocal() and stime(). */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <time.h>

#define DAY 86400
#define SECONDS_OF_YEAR 31556952

/* Days from 1970-01-01 to a date of the Gregorian calendar; the month counts from 0. */
static int64_t days(int64_t year, int month)
{
	static const int16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t y = year - (month < 2), eras = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - eras * 400;	/* 0 to 399 */
	int64_t leaps = eras * 97 + of_era / 4 - of_era / 100;

	/* 477 leap days from year 0 to 1970. */
	return (year - 1970) * 365 + leaps - 477 + before[month];
}

time_t timegm(struct tm *tm)
{
	int64_t months = (int64_t)tm->tm_year * 12 + tm->tm_mon;
	int64_t year = (months >= 0 ? months : months - 11) / 12;
	int64_t seconds = days(year + 1900, months - year * 12) * DAY;
	struct tm made;
	time_t at;

	seconds += ((int64_t)tm->tm_mday - 1) * DAY + (int64_t)tm->tm_hour * 3600 +
		   (int64_t)tm->tm_min * 60 + tm->tm_sec;
	at = seconds;
	year = seconds / SECONDS_OF_YEAR + 1970;
	if (year > (int64_t)INT_MAX + 1899 || year < (int64_t)INT_MIN + 1901) {
		errno = EOVERFLOW;
		return -1;
	}
	gmtime_r(&at, &made);
	*tm = made;
	return at;
}

time_t timelocal(struct tm *tm)
{
	return mktime(tm);
}

int stime(const time_t *now)
{
	return clock_settime(CLOCK_REALTIME, &(struct timespec){ .tv_sec = *now });
}
