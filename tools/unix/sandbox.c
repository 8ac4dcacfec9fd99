/* SPDX-License-Identifier: ISC */
#include "monitor.h"

int sandbox_enter(const struct domain *d, int timer)
{
	(void)d; (void)timer;
	return 0;
}
