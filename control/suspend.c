/* SPDX-License-Identifier: ISC */
#include "control/suspend.h"
#include "drivers/console.h"
#include "drivers/vchan.h"
#include "drivers/xenbus/frontend.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "kernel/page.h"
#include "kernel/shutdown.h"
#include "kernel/suspend.h"

#include <errno.h>

static int release_memory(uint64_t deadline)
{
	(void)deadline;
	page_release_to_xen();
	return 0;
}

/*
 * Held in this order, and released in the other one: devices need xenstore.  hold() may sleep, and
 * returns 0 or -errno; release() does not sleep.  Those of images without devices are NULL.
 */
static const struct part {
	int (*hold)(uint64_t deadline);
	void (*release)(bool restored);
} parts[] = {
	{ NULL, resume_notify },
	{ console_hold, console_release },
	{ frontend_hold, frontend_release },
	{ release_memory, NULL },
	{ NULL, vchan_release },
	{ xs_hold, xs_release },
	{ snapshot_clear, NULL },
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

int guest_suspend(void)
{
	uint64_t deadline = clock_now() + SUSPEND_PATIENCE;
	const struct part *p = parts;
	int rc = 0;

	for (; p < parts + PARTS && !rc; p++)
		rc = p->hold ? p->hold(deadline) : 0;
	if (!rc)
		rc = shutdown_begun() ? -EBUSY : kernel_suspend();
	while (p-- > parts)
		if (p->release)
			p->release(rc == 0);
	return rc;
}
