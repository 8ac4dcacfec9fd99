/* SPDX-License-Identifier: ISC */
/*
 * A debugger's server: gdb's remote protocol, over a vchan at data/vchan/0/gdb for dom0.
 *
 *	gdb=on		while the application runs
 *	gdb=wait	and it waits, before main(), until somebody has attached and continued
 *
 * Whoever attaches stops the application, and only that: the kernel's threads go on.  Only an
 * image made with `make GDB=1`, or with `APP_LIBS := -u gdb_start` in its app.mk, has it.
 */
#ifndef CONTROL_GDB_GDB_H
#define CONTROL_GDB_GDB_H

/* Called by the application's first thread, before all of its code. */
void gdb_start(void) __attribute__((weak));

#endif
