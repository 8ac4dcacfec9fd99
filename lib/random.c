/* SPDX-License-Identifier: ISC */
/*
 * getrandom() and getentropy(): what the platform has, RDRAND where the CPU has it, else the
 * time to the cycle, which is no ground for keys.
 */
#include "kernel/arch.h"
#include "lib/result.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

ssize_t getrandom(void *to, size_t len, unsigned flags)
{
	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return result(-EINVAL);
	for (size_t done = 0; done < len; done += sizeof(uint64_t)) {
		uint64_t bits = arch_entropy();

		memcpy((char *)to + done, &bits,
		       len - done < sizeof(bits) ? len - done : sizeof(bits));
	}
	return len;
}

int getentropy(void *to, size_t len)
{
	return len > 256 ? result(-EIO) : getrandom(to, len, 0) < 0 ? -1 : 0;
}
