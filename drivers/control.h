/* SPDX-License-Identifier: ISC */
/*
 * What the toolstack and we tell each other in xenstore's control/ and data/.
 *
 *	control/feature-*	what we answer to: poweroff, reboot, sysrq; not suspend
 *	control/shutdown	poweroff, halt, reboot: acknowledged by "" at once, then
 *				shutdown_guest() with STATUS_ASKED
 *	control/sysrq		one character, taken away at once:
 *				h help, t threads and ports, m memory, s sync, b reboot,
 *				o power off, c crash
 *	data/exit-status	at the end, by a hook: the status in decimal, after
 *	data/exit-reason	why, in words
 *
 * A kernel thread does it, so an application that spins does not keep a guest alive.
 */
#ifndef DRIVERS_CONTROL_H
#define DRIVERS_CONTROL_H

/*
 * Start: 0 or -errno.  From here on a panic's status gets out; all else is done a moment
 * later by a thread, so that the boot does not wait for xenstored.
 */
int control_init(void);

#endif
