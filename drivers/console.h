/* SPDX-License-Identifier: ISC */
/*
 * The Xen console (xen/io/console.h): two byte streams in one page.
 *
 * Output is for a terminal: a newline is sent as "\r\n". Input: Return is received as a
 * newline.  Kernel code only; only console_write() and console_read() sleep.
 */
#ifndef DRIVERS_CONSOLE_H
#define DRIVERS_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * At boot, after kernel_attach(): uses the console's ring from where its indexes are.  Without a
 * ring, or with invalid indexes or port, there is no console.
 */
void console_attach(void);

/*
 * For a suspend: waits, for a short time at most, until dom0 has read the output, since the ring of
 * a restored domain may be empty; begins with that ring.
 */
int console_hold(uint64_t deadline);
void console_release(bool restored);

/* Sends the log to the console from now on; a shutdown hook flushes it. */
void console_init(void);

/* Starts the thread that writes log text for which there was no room. */
void console_start(void);

/*
 * Notifies dom0 of the log text so far.  Until the first call, or other output, dom0 is
 * not notified.
 */
void console_notify(void);

/*
 * Writes all of the text; sleeps while the ring is full.  Returns len, or -EIO if the
 * ring is invalid.  Without a console output goes to xen_console_write(), and input has
 * ended.
 */
ssize_t console_write(const char *text, size_t len);

/*
 * Reads at least one byte, at most len; sleeps until there is one.  Returns how many; 0
 * without a console; -EIO if the ring is invalid.
 */
ssize_t console_read(char *to, size_t len);
bool console_readable(void);
bool console_present(void);	/* false: input has ended */

/* The queue that wakes when there is input or room, and how often this happened. */
struct waitq *console_changed(void);
uint64_t console_events(void);

#endif
