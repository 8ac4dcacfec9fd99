/* SPDX-License-Identifier: ISC */
/*
 * Devices before and after a suspend of the domain (control/suspend.c).  Every image with devices
 * has this file, since frontend_wait() reads frontend_held.
 */
#include "drivers/xenbus/frontend_internal.h"

#include <errno.h>

bool frontend_held;

static bool quiet(const struct frontend *fe)
{
	return !fe->driver->quiet || fe->driver->quiet(fe);
}

int frontend_hold(uint64_t deadline)
{
	frontend_held = true;
	for (struct frontend_kind *k = frontend_kinds; k; k = k->next)
		for (struct frontend *fe = k->devices; fe; fe = fe->next)
			if (!wait_until_deadline(&fe->changed, deadline, quiet(fe))) {
				log_error("%s: requests are in flight for too long", fe->node);
				return -ETIMEDOUT;
			}
	return 0;
}

/*
 * As if the toolstack had removed the directory of the device and made it again, which it has done in
 * the restored domain.
 */
static void restore_device(struct frontend *fe)
{
	fe->restored = true;
	fe->lasts = fe->error == 0 || fe->error == -EAGAIN;
	fe->generation++;
	if (fe->present)
		fe->error = -EAGAIN;
}

void frontend_release(bool restored)
{
	frontend_held = false;
	for (struct frontend_kind *k = frontend_kinds; k; k = k->next)
		for (struct frontend *fe = k->devices; fe; fe = fe->next) {
			if (restored)
				restore_device(fe);
			wake(&fe->changed);
		}
}
