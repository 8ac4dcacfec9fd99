/* SPDX-License-Identifier: ISC */
/*
 * console=shell: the commands of control/command.h typed on the console.
 *
 *	info				org.xenolith.info1.Get
 *	log1.SetLevel level=debug	org.xenolith.log1.SetLevel, with a parameter
 *	org.example.thing1.Do {"n":[1]}	any, with parameters as JSON
 *	more log1.Follow		until a key is pressed
 *
 * The application's standard input has ended then.  control= holds here too.  Only an image
 * with `APP_LIBS := -u shell_start` in its app.mk has it.
 */
#ifndef CONTROL_SHELL_H
#define CONTROL_SHELL_H

void shell_start(void) __attribute__((weak));

/* lib/file/tty.c, for shell.c: the application's standard input has ended. */
void tty_end_input(void);

#endif
