/* SPDX-License-Identifier: ISC */
/*
 * `watchdog` or `watchdog=DURATION` on the command line: Xen ends the guest when its
 * kernel has not run threads for that long (30 s), with the reason SHUTDOWN_watchdog.
 *
 * A kernel thread feeds it.  So an application that spins is no hang, since events
 * still switch to kernel threads; a kernel that spins, or masks events for ever, is.
 * Xen's clock runs on while a guest is paused: a long `xl pause` ends it too.
 */
#ifndef KERNEL_WATCHDOG_H
#define KERNEL_WATCHDOG_H

void watchdog_init(void);

#endif
