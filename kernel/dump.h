/* SPDX-License-Identifier: ISC */
/*
 * Reports of the kernel's state on the console, for sysrq and the NMI, that is, for the
 * analysis of a guest that hangs.  They may be called in any state of the kernel: they
 * neither sleep nor allocate.
 */
#ifndef KERNEL_DUMP_H
#define KERNEL_DUMP_H

void dump_threads(void);		/* each thread: state, where it waits, stack */
void dump_memory(void);			/* pages and grants */
void dump_ports(void);			/* each port: how often it was signalled */
void dump_state(void);			/* all of these, and what drivers add: */

/* A driver's own report.  The struct stays registered. */
struct dump {
	void (*report)(void);
	struct dump *next;
};
void dump_add(struct dump *dump);

#endif
