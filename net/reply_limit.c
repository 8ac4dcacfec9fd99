/* SPDX-License-Identifier: ISC */
#include "net/reply_limit.h"

#include "kernel/clock.h"
#include "net/gso.h"
#include "net/lwip/arch/cc.h"

#define PERIOD (NSEC_PER_SEC / 20)	/* ns: minimum; the maximum is twice that */
#define LEAST 50	/* replies per period: minimum; the maximum is twice that */

static struct limit {
	uint64_t end;			/* end of the current period */
	unsigned left;
} icmp, resets;

/*
 * The length of a period and the number of replies in it are random. With fixed numbers
 * an attacker could count how many replies are left after its own probes, and learn which
 * ports are open (CVE-2020-25705). The average is 1000 per second, as Linux's
 * net.ipv4.icmp_msgs_per_sec.
 */
static bool allow(struct limit *l)
{
	uint64_t now = clock_now();

	if (now >= l->end) {
		l->end = now + PERIOD + net_random() % PERIOD;
		l->left = LEAST + net_random() % LEAST;
	}
	if (!l->left)
		return false;
	l->left--;
	return true;
}

/* RFC 792: types 3, 11 and 12 are errors. RFC 4443, 2.1: types below 128 are. */
static bool is_error(const uint8_t *frame, size_t headers)
{
	const uint8_t *ip = frame + 14;
	size_t l4;

	if (headers < 14 + 20)
		return false;
	if (frame[12] == 0x08 && frame[13] == 0 && ip[9] == 1) {
		l4 = 14 + (ip[0] & 15) * 4;
		return l4 < headers && (frame[l4] == 3 || frame[l4] == 11 || frame[l4] == 12);
	}
	return frame[12] == 0x86 && frame[13] == 0xdd && ip[6] == 58 && headers > 54 &&
	       frame[54] < 128;
}

bool reply_allowed(const uint8_t *frame, size_t headers, size_t total)
{
	struct gso g;

	gso_parse(&g, frame, headers, total);
	if (g.tcp)
		return !(frame[g.l4 + 13] & 4) || allow(&resets);
	return !is_error(frame, headers) || allow(&icmp);
}
