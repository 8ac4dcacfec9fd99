/* SPDX-License-Identifier: ISC */
/*
 * A server for debuggers: gdb's remote protocol over a vchan at data/vchan/0/gdb, for
 * dom0.
 *
 *	gdb=on		while the application runs
 *	gdb=wait	and main() waits until a debugger has attached and continued
 *
 * An attached debugger stops only the application; the kernel's threads run.  Only images
 * made with `make GDB=1`, or with `APP_LIBS := -u gdb_start` in their app.mk, have it.
 */
#ifndef CONTROL_GDB_GDB_H
#define CONTROL_GDB_GDB_H

/* Called by the application's first thread, before all of its code. */
void gdb_start(void) __attribute__((weak));

#endif
