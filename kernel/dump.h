/* SPDX-License-Identifier: ISC */
/*
 * What is going on, on the console: for sysrq and for the NMI, that is, for looking
 * into a hang.  Nothing here sleeps, allocates or takes for granted that the kernel
 * was between two things.
 */
#ifndef KERNEL_DUMP_H
#define KERNEL_DUMP_H

void dump_threads(void);		/* each: state, where it waits, stack */
void dump_memory(void);			/* pages and grants */
void dump_ports(void);			/* each: how often it rang */
void dump_state(void);			/* all of these, and what drivers add: */

/* A driver's own report; registered once and for good. */
struct dump {
	void (*report)(void);
	struct dump *next;
};
void dump_add(struct dump *dump);

#endif
