/* SPDX-License-Identifier: ISC */
/*
 * The Xen console: xen/io/console.h, two byte streams in one page.
 *
 * Output is a terminal's: a newline goes out as "\r\n".  Input: Return arrives as a
 * newline.  Kernel code only.
 */
#ifndef DRIVERS_CONSOLE_H
#define DRIVERS_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* From here on the log goes to the console, and is out before the guest ends. */
void console_init(void);

/* A thread that writes what the log had no room for as soon as there is room. */
void console_start(void);

/* Tell dom0 what was logged so far; until the first call, or other output, it waits. */
void console_tell(void);

/*
 * All of it, sleeping while the ring is full.  -EIO: the other side is broken.  Without
 * a console output goes where xen_console_write() puts it, and input has ended.
 */
ssize_t console_write(const char *text, size_t len);

/* At least one byte, at most len; sleeps until there is one. */
ssize_t console_read(char *to, size_t len);
bool console_readable(void);
bool console_present(void);	/* false: input has ended */

/* Wakes when input came or output was taken; and how often that was. */
struct waitq *console_changed(void);
uint64_t console_rings(void);

#endif
