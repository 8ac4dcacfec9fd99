/* SPDX-License-Identifier: ISC */
/*
 * console=shell: the methods of control/command.h, typed on the console.
 *
 *	info				org.xenolith.info1.Get
 *	log1.SetLevel level=debug	org.xenolith.log1.SetLevel, with a parameter
 *	org.example.thing1.Do {"n":[1]}	any method, with parameters as JSON
 *	more log1.Follow		until a key is pressed
 *
 * The application's standard input has ended then.  control= applies here, too.  Only
 * images with `APP_LIBS := -u shell_start` in their app.mk have it.
 */
#ifndef CONTROL_SHELL_H
#define CONTROL_SHELL_H

void shell_start(void) __attribute__((weak));

/* lib/file/tty.c, for shell.c: the application's standard input has ended. */
void tty_end_input(void);

#endif
