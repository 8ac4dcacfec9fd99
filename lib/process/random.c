/* SPDX-License-Identifier: ISC */
/*
 * getrandom() and getentropy(). Without RDRAND the kernel's random numbers are not
 * suitable for keys. Then seed= of the command line is required, a seed in xenstore, or
 * GRND_INSECURE.
 */
#include "drivers/xenbus/xenstore.h"
#include "kernel/log.h"
#include "kernel/param.h"
#include "kernel/random.h"
#include "kernel/sched.h"
#include "lib/result.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SEED_LEAST 32			/* characters: 128 bits if hexadecimal */
#define AT_ONCE 4096			/* bytes per step: the kernel is not preempted */
#define MOST 0x1ffffff			/* bytes per call, as on Linux */

static const char *wrong_seed(const char *text)
{
	return strlen(text) < SEED_LEAST ? "a seed has at least 32 characters" : NULL;
}
PARAM_CHECKED(seed, "seed=TEXT", wrong_seed);

/*
 * A key of xenstore that only this guest can read, and that is new in a restored guest.  What was read
 * before a suspend is no secret of this copy.
 */
static bool add_seed(const char *key, unsigned copies)
{
	char *seed;
	ssize_t len = xs_init() ? -1 : xs_read(NULL, key, &seed);
	bool good = len >= SEED_LEAST && copies == random_copies;

	if (len < 0)
		return false;
	if (good)
		random_add_seed(seed, len);
	free(seed);
	return good;
}

/* The copies of a guest have the same seed=, which is no secret among them. */
static bool add_seed_of_command_line(void)
{
	const char *seed = random_copies ? NULL : param("seed");

	if (!seed || strlen(seed) < SEED_LEAST)
		return false;
	random_add_seed(seed, strlen(seed));
	return true;
}

/* May sleep: the guest may be another copy afterwards. */
static void look_for_seed(unsigned copies)
{
	/* `xenolith run` and the like write it */
	if (!random_seeded() && !add_seed_of_command_line() && !add_seed("xenolith/seed", copies) &&
	    copies == random_copies)
		log_error("random: this CPU has no RDRAND: no random numbers for keys "
			  "are available; seed=TEXT on the command line provides "
			  "them (at least %u characters)", SEED_LEAST);
	/* Xen's generation ID of an HVM guest */
	if (copies && random_seeded())
		add_seed("platform/generation-id", copies);
}

/* Sleeps until a seed was looked for in this copy, and not after that. */
static bool seeded(void)
{
	static unsigned looked;		/* in this many copies */
	static bool looking;
	static struct waitq waiters;

	while (looked <= random_copies) {
		unsigned copies = random_copies;

		if (looking) {
			wait_until(&waiters, !looking);
			continue;
		}
		looking = true;
		look_for_seed(copies);
		looking = false;
		looked = copies + 1;
		wake(&waiters);
	}
	return random_seeded();
}

ssize_t getrandom(void *to, size_t len, unsigned flags)
{
	size_t n, done = 0;
	bool ok;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & GRND_RANDOM && flags & GRND_INSECURE))
		return result(-EINVAL);
	if (len > MOST)
		len = MOST;
	do {	/* the guest may become a copy between the steps */
		n = len - done < AT_ONCE ? len - done : AT_ONCE;
		kernel_enter();
		ok = flags & GRND_INSECURE || seeded();
		if (ok)
			random_bytes((char *)to + done, n);
		kernel_leave();
		done += ok ? n : 0;
	} while (ok && done < len);
	return ok || done ? (ssize_t)done : result(-EIO);
}

int getentropy(void *to, size_t len)
{
	return len > 256 ? result(-EIO) : getrandom(to, len, 0) < 0 ? -1 : 0;
}
