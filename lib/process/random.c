/* SPDX-License-Identifier: ISC */
/*
 * getrandom() and getentropy(). Without RDRAND the kernel's random numbers are not
 * suitable for keys. Then seed= of the command line is required, or GRND_INSECURE.
 */
#include "kernel/log.h"
#include "kernel/param.h"
#include "kernel/random.h"
#include "kernel/sched.h"
#include "lib/result.h"

#include <errno.h>
#include <stdbool.h>
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

static bool seeded(void)
{
	static bool looked;
	const char *seed;

	if (!random_seeded() && !looked) {
		looked = true;
		seed = param("seed");
		if (seed && strlen(seed) >= SEED_LEAST)
			random_add_seed(seed, strlen(seed));
		else
			log_error("random: this CPU has no RDRAND: no random numbers for keys "
				  "are available; seed=TEXT on the command line provides "
				  "them (at least %u characters)", SEED_LEAST);
	}
	return random_seeded();
}

ssize_t getrandom(void *to, size_t len, unsigned flags)
{
	bool ok;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & GRND_RANDOM && flags & GRND_INSECURE))
		return result(-EINVAL);
	kernel_enter();
	ok = flags & GRND_INSECURE || seeded();
	kernel_leave();
	if (!ok)
		return result(-EIO);
	if (len > MOST)
		len = MOST;
	for (size_t n, done = 0; done < len; done += n) {
		n = len - done < AT_ONCE ? len - done : AT_ONCE;
		kernel_enter();
		random_bytes((char *)to + done, n);
		kernel_leave();
	}
	return len;
}

int getentropy(void *to, size_t len)
{
	return len > 256 ? result(-EIO) : getrandom(to, len, 0) < 0 ? -1 : 0;
}
