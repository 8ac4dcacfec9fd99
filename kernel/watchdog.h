/* SPDX-License-Identifier: ISC */
/*
 * `watchdog` or `watchdog=DURATION` on the command line: Xen ends the guest, with the
 * reason SHUTDOWN_watchdog, if its kernel has not run threads for that time (default: 30
 * s).
 *
 * A kernel thread restarts the timeout.  An application that spins does not trigger it,
 * since events still switch to kernel threads; a kernel that spins, or masks events for
 * ever, does.  Xen's clock runs while a guest is paused, so a long `xl pause` triggers
 * it, too.
 */
#ifndef KERNEL_WATCHDOG_H
#define KERNEL_WATCHDOG_H

#include <stdbool.h>

/* After a suspend: restarts the timeout, in a restored domain with a watchdog of this domain. */
void watchdog_attach(bool restored);

/*
 * Starts the watchdog if the command line requests it.  Does not sleep.  If Xen refuses it,
 * logs a warning.  Panics if there is no memory for its thread.
 */
void watchdog_init(void);

#endif
