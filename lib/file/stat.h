/* SPDX-License-Identifier: ISC */
/* struct stat of POSIX, from what file systems know.  Kernel code only. */
#ifndef LIB_FILE_STAT_H
#define LIB_FILE_STAT_H

#include "lib/file/path.h"

#include <time.h>

#define NSEC 1000000000ll

static inline struct timespec stat_time(fs_time t)
{
	int64_t s = t / NSEC - (t % NSEC < 0);

	return (struct timespec){ .tv_sec = s, .tv_nsec = t - s * NSEC };
}

/* Linux's dev_t, for small numbers: /dev/console is 5 << 8 | 1. */
static inline dev_t stat_device(uint32_t major, uint32_t minor)
{
	return (dev_t)major << 8 | (minor & 0xff) | (dev_t)(minor & ~0xffu) << 12;
}

#endif
