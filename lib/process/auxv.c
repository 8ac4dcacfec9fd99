/* SPDX-License-Identifier: ISC */
/* The values that Linux passes to a program at its start (getauxval(3)). */
#include "kernel/arch.h"
#include "kernel/page.h"

#include <errno.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

static unsigned long features(void)
{
	unsigned a = 1, b, c = 0, d;

	__asm__ volatile ("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return d;
}

unsigned long getauxval(unsigned long type)
{
	switch (type) {
	case AT_PAGESZ:
		return PAGE_SIZE;
	case AT_UID:
		return getuid();
	case AT_EUID:
		return geteuid();
	case AT_GID:
		return getgid();
	case AT_EGID:
		return getegid();
	case AT_CLKTCK:
		return sysconf(_SC_CLK_TCK);
	case AT_PLATFORM:
		return (unsigned long)"x86_64";
	case AT_HWCAP:
		return features();
	case AT_HWCAP2:
	case AT_SECURE:
		return 0;
	}
	errno = ENOENT;
	return 0;
}
