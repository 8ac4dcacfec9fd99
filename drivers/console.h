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

/* From here on the log goes to the console.  Without one, output vanishes. */
void console_init(void);

/* All of it, sleeping while the ring is full.  -EIO: the other side is broken. */
ssize_t console_write(const char *text, size_t len);

/* At least one byte, at most len; sleeps until there is one. */
ssize_t console_read(char *to, size_t len);
bool console_readable(void);

/* Until all output has been taken, or the deadline: true if it was. */
bool console_drain(uint64_t deadline);

/* Wakes when input came or output was taken. */
struct waitq *console_changed(void);

#endif
