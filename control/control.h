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
 * It is for a kernel thread, so an application that spins does not keep a guest alive.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

/* From here on the guest's status gets out at the end: 0, or -errno: there is no xenstore. */
int control_init(void);

/* Do as we are told, from now on; returns when xenstore is lost. */
void control_run(void);

#endif
