/* SPDX-License-Identifier: ISC */
#include "apps/httpd/date.h"

#define DAY 86400
#define LATEST 253402300799		/* the last second of the year 9999 */

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date {
	unsigned year, month, day, hour, minute, second, weekday;	/* month: from 0 */
};

/*
 * Days are counted from 1 March of the year 0, so that a leap day is the last day of its
 * year, and the lengths of the months before it repeat: 153 days in five months.
 */
#define EPOCH 719468

static int64_t day_number(unsigned year, unsigned month, unsigned day)
{
	unsigned y = year - (month < 2), m = (month + 10) % 12;

	return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - EPOCH;
}

static struct date split(int64_t seconds)
{
	struct date d;
	int64_t number;
	unsigned rest, year, m;

	seconds = seconds < 0 ? 0 : seconds > LATEST ? LATEST : seconds;
	number = seconds / DAY + EPOCH;
	rest = seconds % DAY;
	year = number / 366;		/* an upper limit, not much too high */
	while (day_number(year + 1, 2, 1) + EPOCH <= number)
		year++;
	number -= day_number(year, 2, 1) + EPOCH;
	m = (5 * number + 2) / 153;
	d.day = number - (153 * m + 2) / 5 + 1;
	d.month = (m + 2) % 12;
	d.year = year + (d.month < 2);
	d.hour = rest / 3600;
	d.minute = rest / 60 % 60;
	d.second = rest % 60;
	d.weekday = (seconds / DAY + 4) % 7;
	return d;
}

static char *two(char *p, unsigned n)
{
	*p++ = '0' + n / 10;
	*p++ = '0' + n % 10;
	return p;
}

static char *three(char *p, const char *names, unsigned i)
{
	memcpy(p, names + 3 * i, 3);
	return p + 3;
}

static char *put_clock(char *p, const struct date *d)
{
	p = two(p, d->hour);
	*p++ = ':';
	p = two(p, d->minute);
	*p++ = ':';
	return two(p, d->second);
}

void date_write(char p[DATE_LEN], int64_t seconds)
{
	struct date d = split(seconds);

	p = three(p, days, d.weekday);
	*p++ = ',';
	*p++ = ' ';
	p = two(p, d.day);
	*p++ = ' ';
	p = three(p, months, d.month);
	*p++ = ' ';
	p = two(two(p, d.year / 100), d.year % 100);
	*p++ = ' ';
	p = put_clock(p, &d);
	memcpy(p, " GMT", 4);
}

void date_write_log(char p[DATE_LOG_LEN], int64_t seconds)
{
	struct date d = split(seconds);

	p = two(p, d.day);
	*p++ = '/';
	p = three(p, months, d.month);
	*p++ = '/';
	p = two(two(p, d.year / 100), d.year % 100);
	*p++ = ':';
	p = put_clock(p, &d);
	memcpy(p, " +0000", 6);
}

void date_write_short(char p[16], int64_t seconds)
{
	struct date d = split(seconds);

	p = two(two(p, d.year / 100), d.year % 100);
	*p++ = '-';
	p = two(p, d.month + 1);
	*p++ = '-';
	p = two(p, d.day);
	*p++ = ' ';
	p = two(p, d.hour);
	*p++ = ':';
	two(p, d.minute);
}

/*
 * Patterns: D digit of the day, d digit or space, M the month's name, Y digit of the
 * year, h m s digits of the time; ? any letter; other characters match themselves.
 */
static const char *const forms[] = {
	"???, DD MMM YYYY hh:mm:ss GMT",	/* IMF-fixdate */
	"??? MMM dd hh:mm:ss YYYY",		/* asctime */
	", DD-MMM-YY hh:mm:ss GMT",		/* RFC 850, from the comma */
};

static bool matches(struct span s, const char *form, unsigned value[128])
{
	char month[3];
	unsigned m = 0;

	if (s.len != strlen(form))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = s.at[i], f = form[i];

		if (f == '?') {
			if ((c | 32) < 'a' || (c | 32) > 'z')
				return false;
		} else if (f == 'M') {
			if (m < 3)
				month[m++] = c;
		} else if (strchr("DdYhms", f)) {
			if (f == 'd' && c == ' ')
				c = '0';
			if (c < '0' || c > '9')
				return false;
			value[f | 32] = value[f | 32] * 10 + c - '0';
		} else if (c != f) {
			return false;
		}
	}
	for (unsigned i = 0; i < 12; i++)
		if (m == 3 && memcmp(month, months + 3 * i, 3) == 0) {
			value['M'] = i;
			return true;
		}
	return false;
}

int64_t date_read(struct span s)
{
	static const unsigned char lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	const char *comma = s.len ? memchr(s.at, ',', s.len) : NULL;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		unsigned v[128] = { 0 };
		struct span part = s;

		if (*forms[i] == ',') {
			if (!comma)
				continue;
			part = (struct span){ comma, s.at + s.len - comma };
		}
		if (!matches(part, forms[i], v))
			continue;
		if (*forms[i] == ',')	/* two digits: RFC 9110 defines the century */
			v['y'] += v['y'] < 70 ? 2000 : 1900;
		if (v['y'] < 1970 || !v['d'] || v['d'] > lengths[v['M']] || v['h'] > 23 ||
		    v['m'] > 59 || v['s'] > 60)
			return -1;
		return day_number(v['y'], v['M'], v['d']) * DAY + v['h'] * 3600 +
		       v['m'] * 60 + v['s'];
	}
	return -1;
}
