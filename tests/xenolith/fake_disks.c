/* SPDX-License-Identifier: ISC */
/* For `xenolith disk serve`: a host without Xen, where a server ends at once. */
#include "backend/domain.h"

#include <errno.h>
#include <xenolith/disk.h>

int disks_serve(int (*open)(const struct disk_request *w, struct disk_store **store, void *arg),
		void *arg)
{
	(void)open, (void)arg;
	return -ENOENT;
}

void disks_stop(void)
{
}

void disks_changed(void)
{
}

unsigned disks_stats(struct disk_stats *to, unsigned most)
{
	(void)to, (void)most;
	return 0;
}

void disk_close(struct disk_store *store)
{
	if (store && store->close)
		store->close(store);
}

void domain_enter(void)
{
}

void domain_leave(void)
{
}

void domain_sleep(struct domain_queue *q, uint64_t deadline)
{
	(void)q, (void)deadline;
}

void domain_wake(struct domain_queue *q)
{
	(void)q;
}

void domain_wake_one(struct domain_queue *q)
{
	(void)q;
}

uint64_t domain_clock(void)
{
	return 0;
}
