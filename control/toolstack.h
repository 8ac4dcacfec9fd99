/* SPDX-License-Identifier: ISC */
/*
 * The keys below control/ and data/ in xenstore, for the toolstack.
 *
 *	control/feature-*	the supported requests: poweroff, reboot, suspend, sysrq
 *	control/shutdown	poweroff, halt, reboot: acknowledged by "" at once, then
 *				shutdown_request(); suspend: control/suspend.h
 *	control/sysrq		one character, removed at once:
 *				h help, t threads and ports, m memory, s sync, b reboot,
 *				o power off, c crash
 *	data/exit-status	at the end, by a hook: the status in decimal, after
 *	data/exit-reason	why, in words
 *
 * A kernel thread does this, so it works while an application spins.
 */
#ifndef CONTROL_TOOLSTACK_H
#define CONTROL_TOOLSTACK_H

/*
 * Opens xenstore, and writes the guest's status at its end.  Returns 0, or -errno without
 * xenstore.  May sleep.
 */
int toolstack_init(void);

/* Handles the toolstack's requests; sleeps.  Returns when xenstore is lost. */
void toolstack_run(void);

#endif
