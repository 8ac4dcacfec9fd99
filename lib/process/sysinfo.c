/* SPDX-License-Identifier: ISC */
/* sysinfo() of Linux, and related functions of glibc. */
#include "kernel/clock.h"
#include "kernel/page.h"
#include "lib/result.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

int sysinfo(struct sysinfo *to)
{
	struct page_stats pages;

	page_stats(&pages);
	*to = (struct sysinfo){ .uptime = clock_now() / NSEC_PER_SEC, .totalram = pages.total,
				.freeram = pages.free, .procs = 1, .mem_unit = getpagesize() };
	return 0;
}

int get_nprocs(void)
{
	return 1;
}

int get_nprocs_conf(void)
{
	return 1;
}

long get_phys_pages(void)
{
	return sysconf(_SC_PHYS_PAGES);
}

long get_avphys_pages(void)
{
	return sysconf(_SC_AVPHYS_PAGES);
}

/* The load is not measured: no number is stored. */
int getloadavg(double loads[], int count)
{
	(void)loads;
	return count < 0 ? -1 : 0;
}
